/**
 * The tasks that a server runs while no request about them is open: its process must not be stopped
 * as idle meanwhile. Each counts as long as a parked call waits for its client, from when it was
 * last asked for, or until its server forgets it. Follows SEP-2663 (`ttlMs`).
 */
import type { Clock } from "../../clock.ts";
import { putWithin } from "../../bounded.ts";
import type { Limits } from "../../limits.ts";
import type { Call, Ending, JsonObject } from "../../model.ts";
import { awaitedTaskIn } from "./awaited_task.ts";

/** The tasks of one connection. */
export interface RunningTasks {
  /** Notes what the ending of a call says of tasks; without an ending the call was given up. */
  note(call: Call, ending: Ending | undefined): void;
  /** Whether the server may be at work on one. */
  isBusy(): boolean;
}

const final: ReadonlySet<unknown> = new Set(["completed", "failed", "cancelled"]);

/** Makes an empty memory; of too many tasks the one that was noted longest ago counts no more. */
export function createRunningTasks(
  { clock, limits }: {
    readonly clock: Clock;
    readonly limits: Pick<Limits, "parkMs" | "tasksMax">;
  },
): RunningTasks {
  /** Task id -> until when it counts (monotonic). */
  const tasks = new Map<unknown, number>();
  const put = ({ taskId, ttlMs }: JsonObject): void => {
    const ms = typeof ttlMs === "number" ? Math.min(ttlMs, limits.parkMs) : limits.parkMs;
    putWithin(tasks, taskId, clock.monotonic() + ms, limits.tasksMax);
  };
  return {
    note({ method, params }, ending) {
      if (ending?.kind === "inputRequired") {
        const task = awaitedTaskIn(ending);
        if (task !== undefined) put(task);
      }
      if (ending?.kind !== "result") return;
      if (method === "tasks/cancel") tasks.delete(params["taskId"]);
      if (ending.isTask !== true && method !== "tasks/get") return;
      // A server may name another task in its answer; this one was asked for.
      const { taskId } = ending.isTask === true ? ending.value : params;
      if (final.has(ending.value["status"])) tasks.delete(taskId);
      else put({ ...ending.value, taskId });
    },
    isBusy() {
      const now = clock.monotonic();
      for (const [task, until] of tasks) if (until <= now) tasks.delete(task);
      return tasks.size > 0;
    },
  };
}
