/**
 * The state of a task that a client polls. Where the operator decides on the directories that a
 * server gets, the client is not asked for them: the gateway answers, or refuses, in its place.
 * Follows "Task Update Requests" of SEP-2663. Not here: tasks that the gateway itself polls
 * (awaited_task.ts).
 */
import { GatewayError } from "../../errors.ts";
import type { Ending, JsonObject, Result } from "../../model.ts";
import { clientContextOf } from "../link/client_shown.ts";
import type { CallOptions } from "./call_options.ts";
import { noRoots, ownAnswers, rootsMethod } from "./call_rounds.ts";

/** The state without questions for directories, which the server gets by another request. */
export function withoutOwnQuestions(options: CallOptions, ending: Result): Ending {
  const { basis: { config }, call } = options;
  const { inputRequests, ...state } = ending.value;
  if (call.method !== "tasks/get" || inputRequests === undefined || config.roots === "relay") {
    return ending;
  }
  // The codec has checked them.
  const asked = Object.entries(inputRequests as Readonly<Record<string, JsonObject>>);
  const others = asked.filter(([, { method }]) => method !== rootsMethod);
  if (others.length === asked.length) return ending;
  if (config.roots === "none") {
    return { kind: "failure", error: new GatewayError("ask_unanswerable", noRoots) };
  }
  const keys = asked.filter((one) => !others.includes(one)).map(([key]) => key);
  update(options, ownAnswers(config, keys));
  const rest = others.length === 0
    ? { status: "working" }
    : { inputRequests: Object.fromEntries(others) };
  return { ...ending, value: { ...state, ...rest } };
}

/** Repeated at each look until the server takes it; the server ignores repetitions. */
function update({ basis, call }: CallOptions, inputResponses: JsonObject): void {
  const { config, dialect, link } = basis;
  link.request({
    method: "tasks/update",
    params: { taskId: call.params["taskId"], inputResponses },
    clientContext: clientContextOf(dialect, config, call.caller),
    wantsProgress: false,
    timeoutMs: config.callTimeoutMs,
    cancellable: true,
    notice: () => false,
    end: () => {},
  });
}
