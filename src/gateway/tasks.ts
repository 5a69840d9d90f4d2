/**
 * Tasks of servers, for clients that know tasks. The gateway remembers which server runs a task
 * from the call that created it, and merges the task lists of several servers. Task ids stay the
 * servers' own. A principal that stands for one client reaches the tasks alone that it started.
 * Follows the tasks utility of 2025-11-25. Not here: whether a client may use it (the codec), tasks
 * of stateless clients (sealed_tasks.ts).
 */
import { isOffered } from "../config/tool_filter.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Call, Ending, JsonObject } from "../model.ts";
import { standsForOne } from "../principals.ts";
import type { ResolvedSurface, Server } from "./server.ts";
import type { Scopes } from "./scope.ts";
import type { Target } from "./steps/steps.ts";
import type { TaskOwners } from "./task_owners.ts";

/** What is remembered of tasks. */
export interface TaskMemory {
  readonly scopes: Scopes;
  readonly taskOwners: TaskOwners;
}

/** What a list of tasks is made from. */
interface TaskDeps extends TaskMemory {
  readonly limits: Pick<Limits, "listPagesMax" | "tasksMax">;
  /** How a request of the gateway's own ends at a server. */
  readonly ask: (server: Server, params: JsonObject) => Promise<Ending>;
}

/**
 * The target of a call about a task: its server and, where that is known, the tool that started it,
 * so that a right which was taken away covers the task, too. Throws `invalid_params` when the client
 * has no such task.
 */
export function targetOfTask(
  { servers }: ResolvedSurface,
  call: Call,
  { scopes, taskOwners }: TaskMemory,
): Target {
  const { params, caller: { principal, scope } } = call;
  const taskId = String(params["taskId"]);
  const known = scopes.of(scope).tasks.get(taskId);
  if (standsForOne(principal)) {
    // Two servers may have the same id: the one of this session goes first.
    const ordered = servers.toSorted((one, other) =>
      Number(other.config.name === known) - Number(one.config.name === known)
    );
    for (const server of ordered) {
      const own = taskOwners.toolOf(principal, { server: server.config.name, taskId });
      if (own === undefined || !isOffered(server.config.tools, own)) continue;
      return { server, params, item: { kind: "tools", own, offered: own } };
    }
    throw unknownTask(taskId);
  }
  const [only, ...others] = servers;
  const server = only !== undefined && others.length === 0 && !isShared(only)
    ? only
    : servers.find(({ config }) => config.name === known);
  if (server === undefined) throw unknownTask(taskId);
  return { server, params };
}

function unknownTask(taskId: string): GatewayError {
  return new GatewayError(
    "invalid_params",
    `Unknown task "${taskId}": list the tasks to see which there are`,
  );
}

/** Whether a server has one connection for all clients, which reaches the tasks of all of them. */
function isShared({ config }: Server): boolean {
  return "isolation" in config && config.isolation === "shared";
}

/** Remembers the task that a call's result reports, if any. */
export function noteTask(
  value: JsonObject,
  { caller }: Call,
  { server: { config: { name } }, item }: Target,
  { scopes, taskOwners }: TaskMemory,
): void {
  const taskId = taskIdIn(value);
  if (taskId === undefined) return;
  scopes.ran(caller.scope, taskId, name);
  const { principal } = caller;
  if (item?.kind !== "tools" || !standsForOne(principal)) return;
  taskOwners.started(principal, { server: name, taskId }, item.own);
}

function taskIdIn({ task }: JsonObject): string | undefined {
  const id = (task as JsonObject | undefined)?.["taskId"];
  return typeof id === "string" ? id : undefined;
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
  { scopes, taskOwners, limits, ask }: TaskDeps,
): Promise<JsonObject[]> {
  const { principal, scope } = call.caller;
  const { name } = server.config;
  const isOwn = (taskId: string): boolean => {
    if (!standsForOne(principal)) return true;
    const tool = taskOwners.toolOf(principal, { server: name, taskId });
    return tool !== undefined && isOffered(server.config.tools, tool);
  };
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
      const taskId = String(task["taskId"]);
      if (!isOwn(taskId)) continue;
      scopes.ran(scope, taskId, name);
      tasks.set(taskId, task);
    }
    const cursor = JSON.stringify(nextCursor);
    if (cursor === undefined || cursors.has(cursor)) break;
    cursors.add(cursor);
    params = { cursor: nextCursor };
  }
  return [...tasks.values()];
}

const nothing = { capabilities: {} as JsonObject };
