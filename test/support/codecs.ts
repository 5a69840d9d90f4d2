/** The codecs of both eras in a gateway of this name, and clients for whom they put messages. */
import type { JsonObject, LogLevel, Result } from "../../src/model.ts";
import type { Recipient } from "../../src/protocol/codec.ts";
import { createLegacyCodec } from "../../src/protocol/legacy/era_codec.ts";
import { createModernCodec } from "../../src/protocol/modern/era_codec.ts";

/** The gateway. */
export const identity = { name: "gateway", version: "1" };
/** Both sides of the handshake era. */
export const legacy = createLegacyCodec(identity);
/** Both sides of the stateless era. */
export const modern = createModernCodec(identity);

/** A client of a revision. */
export function client(
  revision: string,
  capabilities: JsonObject = {},
  logLevel?: LogLevel,
): Recipient {
  return { revision, capabilities, logLevel };
}

/** A result with this value. */
export function resultOf(value: JsonObject): Result {
  return { kind: "result", value };
}
