/**
 * In which dialect a server is spoken to for a caller: the caller's own, unless the server refused
 * it. A refusal is believed for a time only, since servers are replaced under the same name: a
 * wrong one would go unnoticed for ever. Follows "Backward Compatibility" of the transports.
 */
import type { Clock } from "../../clock.ts";
import type { EraChoice } from "../../config/config.ts";
import type { Limits } from "../../limits.ts";
import type { Caller } from "../../model.ts";
import type { Dialect, Dialects } from "../link/dialect.ts";

/** What is known of one server. */
export interface KnownDialects {
  /** The dialects to try for a caller, the likeliest first; never none. */
  of(caller: Caller): readonly Dialect[];
  /** The first dialect to try. */
  likeliest(caller: Caller): Dialect | undefined;
  refused(dialect: Dialect): void;
  accepted(dialect: Dialect): void;
  /** Forgets what is known, because it has turned out wrong. */
  forget(): void;
}

/** Makes the record of a server of which nothing is known. */
export function createKnownDialects(
  choice: EraChoice,
  dialects: Dialects,
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "dialectKnownMs"> },
): KnownDialects {
  const refusedUntil = new Map<Dialect, number>();
  const likeliest = ({ revision }: Caller): Dialect | undefined => {
    const all = dialects.of(choice, revision);
    if (refusedUntil.size === 0) return all[0];
    const now = clock.monotonic();
    for (const dialect of all) if ((refusedUntil.get(dialect) ?? 0) <= now) return dialect;
    return all[0];
  };
  return {
    likeliest,
    of({ revision }) {
      const all = dialects.of(choice, revision);
      if (refusedUntil.size === 0) return all;
      const likely = all.filter((dialect) => (refusedUntil.get(dialect) ?? 0) <= clock.monotonic());
      return likely.length > 0 ? likely : all;
    },
    refused: (dialect) => void refusedUntil.set(dialect, clock.monotonic() + limits.dialectKnownMs),
    accepted: (dialect) => void refusedUntil.delete(dialect),
    forget: () => refusedUntil.clear(),
  };
}
