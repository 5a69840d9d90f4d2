/**
 * What is known of when a server asks, which decides how its calls share a connection. A server that
 * was ever seen to ask may ask in each call, so that each has a connection for itself. Until then
 * they share one, but only so many at the same time may be ones that could ask soon as calls of the
 * same name have stayed quiet before: if several asked at once, it could not be told which. Kept as
 * long as the server's configuration, in memory: after a restart the first calls come one by one.
 */
import { putWithin } from "../../bounded.ts";
import type { Limits } from "../../limits.ts";
import type { Call } from "../../model.ts";

/** The memory of one server. */
export interface AskingMemory {
  /** Whether the server was seen to ask. */
  asks(): boolean;
  /** Whether no call of this name was quiet so far. */
  isNew(call: Call, declared: string): boolean;
  /** Whether a call may begin on a connection on which so many calls could ask soon. */
  joins(call: Call, declared: string, fresh: number): boolean;
  /** The server asked something that may belong to a call. */
  asked(): void;
  /** A call went well, or ran for a while, without a question. */
  wasQuiet(call: Call, declared: string): void;
}

/** So many quiet calls let one more run at the same time. */
const quietPerCall = 4;

/** Makes an empty memory; `changed` is called when it expects something else of calls. */
export function createAskingMemory(
  { limits }: { readonly limits: Pick<Limits, "quietCallsMax"> },
  changed: () => void,
): AskingMemory {
  /** What is called -> how many calls were quiet. */
  const quiet = new Map<string, number>();
  let asks = false;
  return {
    asks: () => asks,
    isNew: (call, declared) => !quiet.has(keyOf(call, declared)),
    joins(call, declared, fresh) {
      const calls = quiet.get(keyOf(call, declared)) ?? 0;
      return fresh < Math.max(1, Math.floor(calls / quietPerCall));
    },
    asked() {
      if (asks) return;
      asks = true;
      quiet.clear();
      changed();
    },
    wasQuiet(call, declared) {
      if (asks) return;
      const key = keyOf(call, declared);
      putWithin(quiet, key, (quiet.get(key) ?? 0) + 1, limits.quietCallsMax);
    },
  };
}

/** Tools and prompts are known by their names; resources are many, and read in one way. */
function keyOf({ method, params }: Call, declared: string): string {
  return JSON.stringify([method, method === "resources/read" ? "" : params["name"], declared]);
}
