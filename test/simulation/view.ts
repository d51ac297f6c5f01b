// A view of a group: its members, agreed by a majority of the view before it. What is decided in it is in
// its log, of which every member has received a part.

import type { Mysqld } from "./server.ts";
import type { Effect, Transaction } from "./transactions.ts";

/** A transaction that waits for the group. */
export type Waiting = {
  readonly effect: Effect;
  readonly done: (outcome: Transaction | "failed" | "unknown") => void;
};

export type ViewMember = { readonly server: Mysqld; state: "ONLINE" | "RECOVERING" };

export class View {
  readonly groupName: string;
  /** Which bootstrap it goes back to. */
  readonly bootstrap: number;
  readonly created: number;
  readonly changes: number;
  readonly members: readonly ViewMember[];
  primary: string | undefined;
  readonly log: Transaction[] = [];
  /** Set once the next one is agreed: nothing is decided in this one any more. */
  next: View | undefined;

  constructor(of: {
    groupName: string;
    bootstrap: number;
    created: number;
    changes: number;
    members: readonly ViewMember[];
    primary: string | undefined;
  }) {
    this.groupName = of.groupName;
    this.bootstrap = of.bootstrap;
    this.created = of.created;
    this.changes = of.changes;
    this.members = of.members;
    this.primary = of.primary;
  }

  get id(): string {
    return `${this.created}:${this.changes}`;
  }

  memberOf(server: Mysqld): ViewMember | undefined {
    return this.members.find((member) => member.server.uuid === server.uuid);
  }

  /** Servers that run in it now. */
  get holders(): Mysqld[] {
    return this.members.map(({ server }) => server)
      .filter((server) => server.active && server.group.view === this);
  }

  isMajority(count: number): boolean {
    return count * 2 > this.members.length;
  }
}
