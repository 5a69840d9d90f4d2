/**
 * A tool that must be run as a task, called plainly: the gateway starts the task, waits for its
 * result and gives that as the answer. Follows the tasks utility of 2025-11-25.
 */
import type { Ending, JsonObject } from "../../model.ts";
import type { OpenRequest } from "../link/link.ts";
import type { CallOfRounds } from "./call_round.ts";

const relatedTask = "io.modelcontextprotocol/related-task";

/** Whether a server runs this tool as a task only. */
export function needsTask({ execution }: JsonObject): boolean {
  return (execution as JsonObject | undefined)?.["taskSupport"] === "required";
}

/** The task that a result reports. */
export function taskIdIn({ task }: JsonObject): string | undefined {
  const id = (task as JsonObject | undefined)?.["taskId"];
  return typeof id === "string" ? id : undefined;
}

/** Waits for a task's result; giving the request up cancels the task too. */
export function waitForTask(
  owner: CallOfRounds,
  taskId: string,
  end: (ending: Ending) => void,
): OpenRequest {
  const { config, deps: { limits }, link } = owner.basis;
  const params = { taskId };
  const waiting = link.request({
    method: "tasks/result",
    params,
    wantsProgress: false,
    timeoutMs: limits.callMsMax,
    cancellable: true,
    notice: (notice) => owner.notice(notice),
    ask: (question, signal) => owner.ask(question, signal),
    end: (ending) => end(ending.kind === "result" ? withoutTask(ending) : ending),
  });
  return {
    touch: () => waiting.touch(),
    hold: () => waiting.hold(),
    resume: () => waiting.resume(),
    cancel(reason) {
      waiting.cancel(reason);
      void link.request({
        method: "tasks/cancel",
        params,
        wantsProgress: false,
        timeoutMs: config.callTimeoutMs,
        cancellable: true,
        notice: () => false,
        end: () => {},
      });
    },
  };
}

/** The client knows of no task. */
function withoutTask(ending: Extract<Ending, { kind: "result" }>): Ending {
  const { _meta, ...value } = ending.value;
  const { [relatedTask]: _, ...meta } = (_meta ?? {}) as JsonObject;
  return { ...ending, value: Object.keys(meta).length === 0 ? value : { ...value, _meta: meta } };
}
