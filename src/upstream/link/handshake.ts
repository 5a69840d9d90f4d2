/**
 * The first message to a server, in one dialect after another. A refusal leads to the next dialect
 * at once. If some servers never answer the message of a dialect, the next dialect's follows after
 * a while, and the first answer counts. Errors that say nothing about the dialect end the
 * handshake. Follows "Backward Compatibility" of the stdio transport.
 */
import { type Clock, withDeadline } from "../../clock.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Dialect, HandshakeResult } from "./dialect.ts";

/** The outcome: the dialect that was answered, or the first error. */
export type HandshakeOutcome =
  & { readonly refused: readonly Dialect[]; readonly tried: readonly Dialect[] }
  & (
    | ({ readonly dialect: Dialect } & HandshakeResult)
    | { readonly error: GatewayError }
  );

interface Answer {
  readonly dialect: Dialect;
  readonly outcome: HandshakeResult | GatewayError;
}

/** Tries the handshake in these dialects, in order; never rejects. */
export async function handshakeInTurn(
  dialects: readonly Dialect[],
  attempt: (dialect: Dialect) => Promise<HandshakeResult>,
  bounds: { readonly clock: Clock; readonly limits: Pick<Limits, "probeMs"> },
): Promise<HandshakeOutcome> {
  const queue = [...dialects];
  const tried: Dialect[] = [];
  const refused: Dialect[] = [];
  const running = new Map<Dialect, Promise<Answer>>();
  let firstError: GatewayError | undefined;

  const begin = (): void => {
    const dialect = queue.shift();
    if (dialect === undefined) return;
    tried.push(dialect);
    running.set(
      dialect,
      attempt(dialect).then(
        (outcome): Answer => ({ dialect, outcome }),
        (thrown): Answer => ({ dialect, outcome: toGatewayError(thrown) }),
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
    const { dialect, outcome } = answer;
    running.delete(dialect);
    if (!(outcome instanceof Error)) return { dialect, ...outcome, refused, tried };
    firstError ??= outcome;
    const isRefusal = dialect.isRefusal(outcome);
    if (isRefusal) refused.push(dialect);
    if (running.size > 0) continue;
    if (!isRefusal || queue.length === 0) return { error: firstError, refused, tried };
    begin();
  }
}

/** The next answer; undefined when it is time to try the next dialect, too. */
async function firstOf(
  running: ReadonlyMap<Dialect, Promise<Answer>>,
  hasNext: boolean,
  { clock, limits }: { readonly clock: Clock; readonly limits: Pick<Limits, "probeMs"> },
): Promise<Answer | undefined> {
  const mayStaySilent = [...running.keys()].every((dialect) => dialect.mayGoUnanswered);
  const first = Promise.race(running.values());
  if (!hasNext || !mayStaySilent) return await first;
  return await withDeadline(clock, limits.probeMs, first, () => undefined);
}
