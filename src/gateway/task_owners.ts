/**
 * Which principal started which task. One connection to a server may carry the tasks of several
 * principals, and a server knows only the gateway, so the gateway binds each task to the principal
 * that started it (tasks utility of 2025-11-25, security considerations). Kept in memory: after a
 * restart of the gateway a task is unknown. Not here: which server a session's task runs at
 * (tasks.ts).
 */
import type { Limits } from "../limits.ts";
import type { Principal } from "../model.ts";

/** A task at a server. */
export interface TaskPlace {
  readonly server: string;
  readonly taskId: string;
}

/** The tasks of all principals. */
export interface TaskOwners {
  /** Notes that a principal started a task by a tool, of which `tool` is the server's own name. */
  started(principal: Principal, place: TaskPlace, tool: string): void;
  /** The tool that started a task; undefined if this principal did not start it. */
  toolOf(principal: Principal, place: TaskPlace): string | undefined;
}

/** Makes an empty memory: of each principal's tasks the oldest go first, then those of the oldest principal. */
export function createTaskOwners(
  limits: Pick<Limits, "nameCharsMax" | "ratedPrincipalsMax" | "tasksMax">,
): TaskOwners {
  const byPrincipal = new Map<string, Map<string, string>>();
  const ownerOf = new Map<string, string>();
  const forget = (id: string, key: string): void => {
    byPrincipal.get(id)?.delete(key);
    if (ownerOf.get(key) === id) ownerOf.delete(key);
  };
  return {
    started({ id }, place, tool) {
      if (place.taskId.length > limits.nameCharsMax) return;
      const key = keyOf(place);
      // A server that starts again may count from the beginning: an id has its latest owner.
      const former = ownerOf.get(key);
      if (former !== undefined) forget(former, key);
      const own = byPrincipal.get(id) ?? new Map<string, string>();
      byPrincipal.delete(id);
      byPrincipal.set(id, own);
      own.set(key, tool);
      ownerOf.set(key, id);
      const [oldest] = own.keys();
      if (own.size > limits.tasksMax && oldest !== undefined) forget(id, oldest);
      const [first] = byPrincipal;
      if (byPrincipal.size <= limits.ratedPrincipalsMax || first === undefined) return;
      for (const one of [...first[1].keys()]) forget(first[0], one);
      byPrincipal.delete(first[0]);
    },
    toolOf: ({ id }, place) => byPrincipal.get(id)?.get(keyOf(place)),
  };
}

function keyOf({ server, taskId }: TaskPlace): string {
  return JSON.stringify([server, taskId]);
}
