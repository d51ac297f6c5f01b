// What the transport needs to know of an API server: where it is and what proves who we are. Credentials are
// asked for again when they may have changed; src/access finds them.

import { Secret } from "../base/secret.ts";

export type TlsMaterial = {
  ca?: string;
  cert?: string;
  key?: string;
  serverName?: string;
  insecure: boolean;
};

export interface Connection {
  /** https://host:port, possibly with a base path. */
  readonly server: string;
  /** The namespace meant when none is named. */
  readonly namespace: string;
  /** Read for every new connection. */
  readonly tls: () => Promise<TlsMaterial>;
  readonly token: TokenSource | undefined;
}

// Bound tokens are renewed by the kubelet at 80 % of an hour; a minute late is early enough.
const TOKEN_AGE_MS = 50_000;

/** A bearer token that follows its file. A failed or empty read keeps the token known before. */
export class TokenSource {
  readonly #read: () => Promise<string>;
  #token: string | undefined;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(read: () => Promise<string>) {
    this.#read = read;
  }

  /** The token, read again when the last reading is old. `now` is monotonic milliseconds. */
  async current(now: number): Promise<Secret> {
    if (now - this.#readAt >= TOKEN_AGE_MS) await this.#refresh(now);
    return new Secret(this.#token ?? "");
  }

  /** Reads at once, after the server refused `used`. True when there is another token to try. */
  async renew(now: number, used: Secret): Promise<boolean> {
    if (this.#token === used.reveal()) await this.#refresh(now);
    return this.#token !== used.reveal();
  }

  // One reading at a time, however many requests ask.
  #refresh(now: number): Promise<void> {
    this.#reading ??= this.#read().then((text) => {
      if (text.trim() === "") throw new Error("the token file is empty");
      this.#token = text.trim();
    }).catch((error: unknown) => {
      if (this.#token === undefined) throw error; // else the old one may still do
    }).then(() => {
      this.#readAt = now;
    }).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }
}
