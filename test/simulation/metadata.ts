// The AdminAPI's metadata on one server, as the transactions that it has executed leave it.

import type { Effect } from "./transactions.ts";

type Entry = { readonly uuid: string; readonly address: string };

export class Metadata {
  /** Undefined while only the schema is there: the creation is not done. */
  readonly name: string | undefined;
  readonly groupName: string;
  readonly entries: readonly Entry[];

  private constructor(name: string | undefined, groupName: string, entries: readonly Entry[]) {
    this.name = name;
    this.groupName = groupName;
    this.entries = entries;
  }

  knows(server: Entry): boolean {
    return this.entries.some(({ address, uuid }) =>
      uuid === server.uuid && address === server.address
    );
  }

  knowsUuid(of: string): boolean {
    return this.entries.some(({ uuid }) => uuid === of);
  }

  /** server_uuid of an address. */
  at(address: string): string | undefined {
    return this.entries.find((entry) => entry.address === address)?.uuid;
  }

  private with(entries: readonly Entry[]): Metadata {
    return new Metadata(this.name, this.groupName, entries);
  }

  static after(before: Metadata | undefined, effect: Effect): Metadata | undefined {
    switch (effect.type) {
      case "createSchema":
        return new Metadata(undefined, "", []);
      case "createMetadata": {
        const { address, groupName, name, uuid } = effect;
        return new Metadata(name, groupName, [{ uuid, address }]);
      }
      case "addInstance": {
        const { address, uuid } = effect;
        return before?.with([...before.entries, { uuid, address }]);
      }
      // What a rejoin ends with, also of a server that was replaced.
      case "changeUuid":
        return before?.with([
          ...before.entries.filter(({ address, uuid }) =>
            address !== effect.address && uuid !== effect.uuid
          ),
          { uuid: effect.uuid, address: effect.address },
        ]);
      case "removeInstance":
        return before?.with(before.entries.filter(({ address }) => address !== effect.address));
      default:
        return before;
    }
  }
}
