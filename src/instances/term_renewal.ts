/**
 * Renews the term of an instance on the monotonic clock. When a term has ended unnoticed, it begins
 * another and claims each key again.
 */
import { ask, claim, factsOf, type Owning } from "./owning.ts";

/** Renews the term after a time, unless it is renewed before. */
export function renewLater(owning: Owning, ms: number): void {
  owning.stopRenewing();
  owning.stopRenewing = owning.clock.after(ms, () => void renewOnce(owning));
}

/** Renews the term now, once for all that ask meanwhile; never rejects. */
export function renewOnce(owning: Owning): Promise<void> {
  return owning.renewing ??= renew(owning).finally(() => (owning.renewing = undefined));
}

/** Renews the term, or begins another if it has ended; never rejects. */
async function renew(owning: Owning): Promise<void> {
  const { clock, limits, log } = owning;
  owning.stopRenewing();
  // Counted from before the command: the table counts from when it gets it.
  const sentAt = clock.monotonic();
  try {
    const { term } = owning;
    const goesOn = await ask(
      owning,
      (table) => table.renew(factsOf(owning), term, limits.ownerTermMs),
    );
    if (owning.isClosed) return;
    if (goesOn) owning.renewedAt = Math.max(owning.renewedAt, sentAt);
    else await beginAgain(owning);
    if (owning.isFailing) log.info("The table of owners answers again", { instance: owning.name });
    owning.isFailing = false;
    renewLater(owning, limits.ownerRenewMs);
    await claimAgain(owning);
    await keepRows(owning);
  } catch (fault) {
    if (!owning.isFailing) log.warn("Cannot renew what this instance owns", { fault });
    owning.isFailing = true;
    if (!owning.isClosed) renewLater(owning, limits.ownerRetryMs);
  }
  for (const listener of owning.renewed) listener();
}

/** Begins a term. Rejects if the table cannot be reached. */
export async function beginTerm(owning: Owning): Promise<void> {
  const { clock, limits } = owning;
  const sentAt = clock.monotonic();
  owning.term = await ask(owning, (table) => table.join(factsOf(owning), limits.ownerTermMs));
  owning.renewedAt = sentAt;
  owning.onTerm?.(owning.term);
}

/** Begins another term: what was owned in the one before is to be claimed again. */
async function beginAgain(owning: Owning): Promise<void> {
  const { held, log, name } = owning;
  await beginTerm(owning);
  owning.begunAgainAt = owning.clock.monotonic();
  owning.hasEarlier = held.size > 0;
  log.warn("The other instances did not hear of this one for too long", {
    instance: name,
    owned: held.size,
  });
}

/** Claims what was owned in earlier terms; what another instance has owned since is lost. */
async function claimAgain(owning: Owning): Promise<void> {
  if (!owning.hasEarlier) return;
  owning.hasEarlier = false;
  const { held, term, limits } = owning;
  const keys = [...held].flatMap(([key, own]) => own.term === term ? [] : key);
  const claimNext = async (): Promise<void> => {
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      // It may have been released or claimed meanwhile.
      if (!held.has(key) || held.get(key)?.term === owning.term) continue;
      if (await claim(owning, key) === undefined) throw new Error("The new term has ended at once");
    }
  };
  try {
    await Promise.all(Array.from({ length: limits.ownerClaimsMax }, claimNext));
  } catch (thrown) {
    owning.hasEarlier = true;
    throw thrown;
  }
}

/** Tells the table of some keys that they are owned still, those first that were told longest ago. */
async function keepRows(owning: Owning): Promise<void> {
  const { held, clock, limits } = owning;
  const now = clock.monotonic();
  const due: string[] = [];
  for (const [key, { keptAt }] of held) {
    if (due.length >= limits.ownerRowsRenewedMax) break;
    if (now - keptAt > limits.ownerRowMs / 3) due.push(key);
  }
  if (due.length === 0) return;
  await ask(owning, (table) => table.keep(due));
  for (const key of due) {
    const own = held.get(key);
    if (own !== undefined) own.keptAt = now;
  }
}
