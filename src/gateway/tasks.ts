/**
 * Tasks of servers, for clients that know tasks. The gateway remembers which server runs a task
 * from the call that created it, and merges the task lists of several servers. Task ids stay the
 * servers' own. Follows the tasks utility of 2025-11-25. Not here: whether a client may use it (the
 * codec).
 */
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Call, Ending, JsonObject } from "../model.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import type { Scopes } from "./scope.ts";

/** What a list of tasks is made from. */
interface TaskDeps {
  readonly scopes: Scopes;
  readonly limits: Pick<Limits, "listPagesMax" | "tasksMax">;
  /** How a request of the gateway's own ends at a server. */
  readonly ask: (server: Server, params: JsonObject) => Promise<Ending>;
}

/** The server that runs a call's task. Throws `invalid_params` when none is known to. */
export function ownerOfTask({ servers }: ResolvedSurface, call: Call, scopes: Scopes): Server {
  const [only, ...others] = servers;
  if (only !== undefined && others.length === 0) return only;
  const id = String(call.params["taskId"]);
  const server = scopes.of(call.caller.scope).tasks.get(id);
  const owner = servers.find(({ config }) => config.name === server);
  if (owner !== undefined) return owner;
  throw new GatewayError(
    "invalid_params",
    `Unknown task "${id}": list the tasks to see which there are`,
  );
}

/** Remembers the task that a result reports, if any. */
export function noteTask(
  value: JsonObject,
  { caller }: Call,
  server: Server,
  scopes: Scopes,
): void {
  const task = value["task"] as JsonObject | undefined;
  const id = task?.["taskId"];
  if (typeof id === "string") scopes.ran(caller.scope, id, server.config.name);
}

/**
 * The tasks of all servers of a surface that list theirs; a server that fails costs its own part.
 */
export async function listTasks(
  { servers }: ResolvedSurface,
  call: Call,
  deps: TaskDeps,
): Promise<JsonObject[]> {
  const parts = await Promise.all(servers.map((server) => tasksOf(server, call, deps)));
  return parts.flat();
}

async function tasksOf(
  server: Server,
  call: Call,
  { scopes, limits, ask }: TaskDeps,
): Promise<JsonObject[]> {
  const { capabilities } = await server.upstream.describe(call.caller).catch(() => nothing);
  if ((capabilities["tasks"] as JsonObject | undefined)?.["list"] === undefined) return [];
  const tasks = new Map<string, JsonObject>();
  const cursors = new Set<string>();
  let params: JsonObject = {};
  for (let page = 0; page < limits.listPagesMax && tasks.size < limits.tasksMax; page++) {
    const reply = await ask(server, params);
    if (reply.kind !== "result") break;
    const { tasks: items, nextCursor } = reply.value;
    for (const task of Array.isArray(items) ? items as JsonObject[] : []) {
      noteTask({ task }, call, server, scopes);
      tasks.set(String(task["taskId"]), task);
    }
    const cursor = JSON.stringify(nextCursor);
    if (cursor === undefined || cursors.has(cursor)) break;
    cursors.add(cursor);
    params = { cursor: nextCursor };
  }
  return [...tasks.values()];
}

const nothing = { capabilities: {} as JsonObject };
