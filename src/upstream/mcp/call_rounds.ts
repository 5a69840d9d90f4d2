/**
 * What a server that asks by results gets to its questions: the operator's own answers, those of a
 * caller that can be asked while the call runs, or none: then the call ends, with the questions for
 * a caller that comes back with the answers. Follows "Multi Round-Trip Requests".
 */
import { sleep } from "../../clock.ts";
import type { McpServerConfig } from "../../config/config.ts";
import { GatewayError } from "../../errors.ts";
import type { Ending, InputRequired, JsonObject, Resume } from "../../model.ts";
import type { CallOptions } from "./call_options.ts";

/** How the call ends if nothing can be answered while it runs; undefined if it may go on. */
export function endingWithoutAnswers(
  { basis: { config }, call: { caller, method } }: CallOptions,
  paused: InputRequired,
): Ending | undefined {
  const { questions } = paused;
  const asked = questions.some((question) => question.method === rootsMethod);
  if (config.roots === "none" && asked) return unanswerable(method, noRoots);
  const ownCount = Object.keys(ownAnswers(config, rootsKeys(paused))).length;
  const isOwn = questions.length > 0 && ownCount === questions.length;
  if (caller.asksByResult !== true || isOwn) return undefined;
  return ownCount === 0 ? paused : unanswerable(method, mixedRoots);
}

/** How the call goes on after its questions, or how it ends when one of them is refused. */
export async function answersTo(
  { basis: { config, deps: { clock, limits } }, call: { method }, source }: CallOptions,
  paused: InputRequired,
  signal: AbortSignal,
): Promise<Resume | Ending> {
  const { questions, state } = paused;
  const own = ownAnswers(config, rootsKeys(paused));
  const others = questions.filter(({ key }) => !Object.hasOwn(own, key));
  if (questions.length === 0) await sleep(clock, limits.roundBackoffMs, signal);
  const answers = await Promise.all(
    others.map((question) => source.ask(question.method, question.params, signal)),
  );
  const given = Object.entries(own);
  for (const [at, answer] of answers.entries()) {
    if (answer.kind === "refusal") {
      const why = `The server asked for input that was not given: ${answer.message}`;
      return unanswerable(method, why);
    }
    const key = others[at]?.key;
    if (key !== undefined) given.push([key, answer.value]);
  }
  return { answers: Object.fromEntries(given), state };
}

/** A failure that a model can read. */
export function toToolError(text: string): Ending {
  return { kind: "result", value: { content: [{ type: "text", text }], isError: true } };
}

function unanswerable(method: string, message: string): Ending {
  return method === "tools/call"
    ? toToolError(message)
    : { kind: "failure", error: new GatewayError("ask_unanswerable", message) };
}

/** The question for directories. */
export const rootsMethod = "roots/list";
/** Why a server gets none. */
export const noRoots = "The server asked for directories, which the operator does not give";
const mixedRoots = "The server asked for directories, which the operator decides on, together " +
  "with other input, which cannot be asked for at once";

/** The keys of the questions for directories. */
function rootsKeys({ questions }: InputRequired): string[] {
  return questions.filter(({ method }) => method === rootsMethod).map(({ key }) => key);
}

/** What the operator has answered for all clients: the directories, at each of these keys. */
export function ownAnswers(
  { roots }: McpServerConfig,
  keys: readonly string[],
): Record<string, JsonObject> {
  if (typeof roots === "string") return {};
  return Object.fromEntries(keys.map((key) => [key, { roots }]));
}
