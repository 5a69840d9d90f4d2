/**
 * What is known of when a server asks: calls of which no question is expected can share a
 * connection. A server that was ever seen to ask may ask in each call. While it was not, a call is
 * expected to be quiet if the same was called by a client of the same kind and went well without a
 * question. Kept as long as the server's configuration, in memory: a restart only costs a
 * connection for the first call of each kind.
 */
import { addWithin } from "../../bounded.ts";
import type { Limits } from "../../limits.ts";
import type { Call } from "../../model.ts";

/** The memory of one server. */
export interface AskingMemory {
  /** Whether no question is expected during a call of a client that declares this. */
  isQuiet(call: Call, declared: string): boolean;
  /** The server asked something that may belong to a call. */
  asked(): void;
  /** A call went well without a question. */
  wasQuiet(call: Call, declared: string): void;
}

/** Makes an empty memory; `changed` is called when it expects something else of calls. */
export function createAskingMemory(
  { limits }: { readonly limits: Pick<Limits, "quietCallsMax"> },
  changed: () => void,
): AskingMemory {
  const quiet = new Set<string>();
  let asks = false;
  return {
    isQuiet: (call, declared) => !asks && quiet.has(keyOf(call, declared)),
    asked() {
      asks = true;
      quiet.clear();
    },
    wasQuiet(call, declared) {
      const key = keyOf(call, declared);
      if (asks || quiet.has(key)) return;
      addWithin(quiet, key, limits.quietCallsMax);
      changed();
    },
  };
}

/** Tools and prompts are known by their names; resources are many, and read in one way. */
function keyOf({ method, params }: Call, declared: string): string {
  return JSON.stringify([method, method === "resources/read" ? "" : params["name"], declared]);
}
