/**
 * In which manner a server is spoken to for a caller: the caller's own, unless the server refused
 * it. A refusal is believed for a time only, since servers are replaced under the same name: a
 * wrong one would go unnoticed for ever. Follows "Backward Compatibility" of the transports.
 */
import type { Clock } from "../../clock.ts";
import type { EraChoice } from "../../config/config.ts";
import type { Limits } from "../../limits.ts";
import type { Caller } from "../../model.ts";
import type { Manner, Manners } from "../link/dialect.ts";

/** What is known of one server. */
export interface Verdicts {
  /** The manners to try for a caller, the likeliest first; never none. */
  of(caller: Caller): readonly Manner[];
  refused(manner: Manner): void;
  accepted(manner: Manner): void;
  /** What was believed has turned out wrong. */
  forget(): void;
}

/** Makes the verdicts of a server of which nothing is known. */
export function createVerdicts(
  choice: EraChoice,
  manners: Manners,
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "verdictMs"> },
): Verdicts {
  const refusedUntil = new Map<Manner, number>();
  return {
    of({ wire }) {
      const all = manners.of(choice, wire);
      const likely = all.filter((manner) => (refusedUntil.get(manner) ?? 0) <= clock.monotonic());
      return likely.length > 0 ? likely : all;
    },
    refused: (manner) => void refusedUntil.set(manner, clock.monotonic() + limits.verdictMs),
    accepted: (manner) => void refusedUntil.delete(manner),
    forget: () => refusedUntil.clear(),
  };
}
