/**
 * What a server may be told of a client's capabilities: those whose questions the gateway relays,
 * with all that is in them, or in the fewest words.
 */
import type { JsonObject } from "../../model.ts";
import { isJsonObject } from "../jsonrpc.ts";

/** Client capabilities whose requests are relayed to the client, with all that is in them. */
const relayed = ["roots", "sampling", "elicitation", "experimental"];

/** What an upstream may be told of a client's capabilities: those that we can relay. */
export function relayableCapabilities(clientCapabilities: JsonObject): JsonObject {
  const entries = relayed
    .filter((name) => isJsonObject(clientCapabilities[name]))
    .map((name) => [name, clientCapabilities[name]]);
  return Object.fromEntries(entries) as JsonObject;
}

/** What of a capability changes what its client can be asked; forms alone are the plain case. */
const parts = { roots: [], sampling: ["context", "tools"], elicitation: ["form", "url"] } as const;

/** The same in the fewest words, of which there are a few dozen: what clients add is left out. */
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
