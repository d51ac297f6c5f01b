// What the transport needs to know of an API server: where it is, how it is reached and what proves who is
// at either end. Shapes only: src/access finds these things and notices when they change.

import type { Duplex } from "node:stream";
import type { Secret } from "../base/secret.ts";

export type TlsMaterial = {
  ca?: string;
  cert?: string;
  key?: string;
  serverName?: string;
  insecure: boolean;
};

export type Credentials = { readonly tls: TlsMaterial; readonly token?: Secret };

export interface Connection {
  readonly server: string; // https://host:port, possibly with a base path
  readonly namespace: string; // the one meant when none is named
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Opens a byte stream to the server where that is not plain TCP: through a proxy. */
  readonly dial?: () => Promise<Duplex>;
  /**
   * What is valid now; asked for every request. As long as nothing has changed it is the same object, and
   * its `tls` as long as that has not: another one means other connections.
   */
  credentials(): Promise<Credentials>;
  /** Called when the server refused `used`: newer ones, or the same object when there are none. */
  renew(used: Credentials): Promise<Credentials>;
}
