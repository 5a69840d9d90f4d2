/**
 * Logs the corrections of one server's lists: each item and reason once, however many sessions read
 * the lists, and all items with the same reason in one line. Bounded.
 */
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { quote } from "../../protocol/quote.ts";
import type { CorrectionLog } from "../deps.ts";

/** Makes the log of a server. */
export function createCorrectionLog(
  server: string,
  log: Log,
  limits: Pick<Limits, "correctionsLoggedMax" | "correctionItemsMax">,
): CorrectionLog {
  const logged = new Set<string>();
  return {
    add(method, corrections) {
      const byReason = new Map<string, string[]>();
      let more = 0;
      for (const { item: name, reason } of corrections) {
        const item = quote(name);
        const key = `${method} ${item} ${reason}`;
        if (logged.has(key)) continue;
        if (logged.size < limits.correctionsLoggedMax) {
          logged.add(key);
          const items = byReason.get(reason);
          if (items === undefined) byReason.set(reason, [item]);
          else items.push(item);
        } else more += 1;
      }
      for (const [reason, items] of byReason) {
        const named = items.slice(0, limits.correctionItemsMax);
        const rest = items.length - named.length;
        const list = named.join(", ") + (rest === 0 ? "" : ` and ${rest} more`);
        log.warn(`Corrected ${method} of server "${server}": ${list}: ${reason}`);
      }
      if (more === 0 || logged.has("")) return;
      logged.add("");
      log.warn(
        `Corrected ${more} more items of ${method} of server "${server}"; further ones are not logged`,
      );
    },
  };
}
