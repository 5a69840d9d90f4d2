/**
 * The client capabilities that a server gets: those whose questions the gateway relays, complete or
 * in a reduced form.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";

/** Client capabilities whose requests the gateway relays. */
const relayed = ["roots", "sampling", "elicitation", "experimental"];

/**
 * The capabilities that the gateway can relay, with everything that the client declared in them.
 */
export function relayableCapabilities(clientCapabilities: JsonObject): JsonObject {
  const relayable: JsonObject = {};
  for (const name of relayed) {
    if (isJsonObject(clientCapabilities[name])) relayable[name] = clientCapabilities[name];
  }
  return relayable;
}

/**
 * The parts of a capability that change what the client can be asked; forms only is the plain case.
 */
const parts = { roots: [], sampling: ["context", "tools"], elicitation: ["form", "url"] } as const;

/**
 * The same, reduced to the parts above. There are only a few dozen variants, since additions of
 * clients are dropped.
 */
export function plainCapabilities(clientCapabilities: JsonObject): JsonObject {
  const entries = Object.entries(parts).flatMap(([name, known]) => {
    const declared = clientCapabilities[name];
    if (!isJsonObject(declared)) return [];
    const named = known.filter((part) => declared[part] !== undefined);
    const isPlain = named.length === 1 && named[0] === "form";
    return [[name, Object.fromEntries(isPlain ? [] : named.map((part) => [part, {}]))]];
  });
  return Object.fromEntries(entries) as JsonObject;
}
