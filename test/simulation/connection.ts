// The end of MySQL's protocol that the driver would be: real sessions over it reach simulated servers. An
// answer may be late, and none comes over a link that is cut or from a server that stands still.

import type { Connection } from "mysql2";
import { AGENT_USER } from "../../src/api/names.ts";
import { Session, type SessionOptions, SqlError } from "../../src/mysql/session.ts";
import type { Chance } from "../model/chance.ts";
import type { Process, VirtualClock } from "./clock.ts";
import type { Network } from "./network.ts";
import type { Listener, Mysqld } from "./server.ts";
import { execute, Refusal, type Row, type SqlWorld } from "./sql.ts";

export type Dialler = {
  /** Who connects, and from where. */
  readonly process: Process;
  readonly place: string;
  readonly world: SqlWorld & {
    readonly clock: VirtualClock;
    readonly chance: Chance;
    readonly network: Network;
  };
  /** The server that listens there; undefined: nobody does. */
  readonly find: (endpoint: { host: string; port: number }) => Mysqld | undefined;
};

type Callback = (error: object | null, rows?: Row[]) => void;
const LATE = 0.05;
const ACCESS_DENIED = 1045;

class SimulatedConnection implements Listener {
  readonly #dialler: Dialler;
  readonly #server: Mysqld;
  #open = true;
  readonly #lost: (() => void)[] = [];
  readonly #asked = new Set<Callback>();

  constructor(dialler: Dialler, server: Mysqld) {
    this.#dialler = dialler;
    this.#server = server;
    server.listeners.add(this);
  }

  on(event: string, listener: () => void): void {
    if (event === "end") this.#lost.push(listener);
  }

  query(sql: string, values: readonly unknown[], callback: Callback): void {
    const { process, world } = this.#dialler;
    this.#asked.add(callback);
    const ask = (): void =>
      process.act(() => {
        if (!this.#connected) return;
        const server = this.#server;
        if (sql.startsWith("START")) world.starts(server);
        if (sql.startsWith("STOP")) world.stops(server);
        const answer = (rows: Row[] | Refusal): void => this.#answer(callback, rows);
        const run = (): void =>
          server.process.deliver(() => execute(server, world, { sql, values, answer }));
        if (server.slowMs === 0) return run();
        world.clock.setTimer(server.slowMs, run);
      }, sql);
    this.#late(ask);
  }

  destroy(): void {
    this.#open = false;
    this.#server.listeners.delete(this);
  }

  lost(): void {
    const { process } = this.#dialler;
    process.deliver(() => {
      if (!this.#open) return;
      for (const callback of this.#asked) {
        callback({ message: "Connection lost: The server closed the connection.", code: "GONE" });
      }
      for (const listener of this.#lost) listener();
    });
  }

  get #connected(): boolean {
    const { place, world } = this.#dialler;
    return this.#open && this.#server.status === "up" &&
      world.network.connects(place, this.#server.place);
  }

  #answer(callback: Callback, rows: Row[] | Refusal): void {
    this.#late(() => {
      if (!this.#connected || !this.#asked.delete(callback)) return;
      this.#dialler.process.deliver(() => {
        if (!(rows instanceof Refusal)) return callback(null, rows);
        const { errno, message } = rows;
        callback({ message, errno, sqlState: "HY000", code: "ER" });
      });
    });
  }

  #late(run: () => void): void {
    const { world: { chance, clock } } = this.#dialler;
    if (!chance.is(LATE)) return run();
    clock.setTimer(1 + chance.below(80), run);
  }
}

// The agents' own account is always right, the group's may have a new password.
function isRefused({ volume }: Mysqld, { login }: SessionOptions): boolean {
  return login.user !== AGENT_USER && login.password.reveal() !== String(volume.passwords);
}

/** What openSession of src/mysql does, to a simulated server. */
export async function openSimulated(dialler: Dialler, options: SessionOptions): Promise<Session> {
  const { network } = dialler.world;
  const server = dialler.find(options.server);
  const connection = await new Promise<SimulatedConnection>((resolve, reject) => {
    const cancel = options.clock.setTimer(options.connectTimeoutMs, () => {
      reject(new SqlError(`no connection within ${options.connectTimeoutMs} ms`, {}));
    });
    dialler.process.act(() => {
      if (server === undefined || !network.connects(dialler.place, server.place)) return;
      if (server.status !== "up") {
        return dialler.process.deliver(() => {
          cancel();
          reject(new SqlError("connect ECONNREFUSED", { refused: true }));
        });
      }
      server.process.deliver(() =>
        dialler.process.deliver(() => {
          cancel();
          if (isRefused(server, options)) {
            return reject(new SqlError("Access denied", { errno: ACCESS_DENIED }));
          }
          resolve(new SimulatedConnection(dialler, server));
        })
      );
    });
  });
  const session = new Session(connection as unknown as Connection, options);
  await session.query("SET SESSION autocommit = 1");
  return session;
}
