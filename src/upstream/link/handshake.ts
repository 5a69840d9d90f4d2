/**
 * The first message to a server and, where it does not speak in that manner, the next one's. A
 * refusal moves on at once; a question that some servers never answer is followed by the next
 * manner's after a while, and whichever is answered counts. Errors that say nothing about how the
 * server speaks end the matter. Follows "Backward Compatibility" of the stdio transport.
 */
import { type Clock, pause } from "../../clock.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Greeted, Manner } from "./dialect.ts";

/** What came of it. */
export type Greeting =
  & { readonly refused: readonly Manner[]; readonly tried: readonly Manner[] }
  & (
    | ({ readonly manner: Manner } & Greeted)
    | { readonly error: GatewayError }
  );

interface Answer {
  readonly manner: Manner;
  readonly outcome: Greeted | GatewayError;
}

/** Greets in these manners, in order; never rejects. */
export async function greetInTurn(
  manners: readonly Manner[],
  attempt: (manner: Manner) => Promise<Greeted>,
  bounds: { readonly clock: Clock; readonly limits: Pick<Limits, "probeMs"> },
): Promise<Greeting> {
  const queue = [...manners];
  const tried: Manner[] = [];
  const refused: Manner[] = [];
  const running = new Map<Manner, Promise<Answer>>();
  let firstError: GatewayError | undefined;

  const begin = (): void => {
    const manner = queue.shift();
    if (manner === undefined) return;
    tried.push(manner);
    running.set(
      manner,
      attempt(manner).then(
        (outcome): Answer => ({ manner, outcome }),
        (thrown): Answer => ({ manner, outcome: toGatewayError(thrown) }),
      ),
    );
  };
  begin();
  for (;;) {
    const answer = await firstOf(running, queue.length > 0, bounds);
    if (answer === undefined) {
      begin();
      continue;
    }
    const { manner, outcome } = answer;
    running.delete(manner);
    if (!(outcome instanceof Error)) return { manner, ...outcome, refused, tried };
    firstError ??= outcome;
    const isRefusal = manner.isRefusal(outcome);
    if (isRefusal) refused.push(manner);
    if (running.size > 0) continue;
    if (!isRefusal || queue.length === 0) return { error: firstError, refused, tried };
    begin();
  }
}

/** The next answer; undefined when it is time to ask in the next manner, too. */
async function firstOf(
  running: ReadonlyMap<Manner, Promise<Answer>>,
  hasNext: boolean,
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "probeMs"> },
): Promise<Answer | undefined> {
  const mayStaySilent = [...running.keys()].every((manner) => manner.mayGoUnanswered);
  if (!hasNext || !mayStaySilent) return await Promise.race(running.values());
  const over = new AbortController();
  const late = pause(clock, limits.probeMs, over.signal).then(() => undefined, () => undefined);
  try {
    return await Promise.race([...running.values(), late]);
  } finally {
    over.abort();
  }
}
