/** The headers of every answer of the admin API that holds data, refusals included. */
import type { HeaderPairs } from "../respond.ts";

/** No cache keeps the answer, and no browser takes it for another type than it says. */
export const dataHeaders: HeaderPairs = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};
