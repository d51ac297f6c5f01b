// Draws passwords from the system's source of randomness. The only chance in the controllers, and the
// only thing here that is not a function of what was observed; the plan gets the result as a value.

import { randomBytes } from "node:crypto";
import { Secret } from "../../base/secret.ts";

/** Letters and digits only: a password must pass through option files and URIs without quoting. */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const LENGTH = 24; // 142 bits

export function drawPassword(): Secret {
  let text = "";
  while (text.length < LENGTH) {
    // Bytes that would make some letters more likely than others are thrown away.
    const usable = [...randomBytes(2 * LENGTH)].filter((byte) => byte < 4 * ALPHABET.length);
    text += usable.map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
  }
  return new Secret(text.slice(0, LENGTH));
}
