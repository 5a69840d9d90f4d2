/**
 * Tasks of the Tasks extension, as clients name them. The id that a client gets is sealed: it holds
 * the server, the tool and the server's own id, and is bound to the principal that started the task.
 * So equal ids of two servers are two tasks, an id of another principal is unknown, and the gateway
 * keeps nothing: an id stays good after a restart, for as long as the server knows the task. That
 * holds on every surface, since a task id is no name that a person or a list gave. Follows "Auth
 * binding" of SEP-2663. Not here: tasks of the handshake era (tasks.ts).
 */
import { lacking, missingCapability } from "../client_capabilities.ts";
import { isOffered } from "../config/tool_filter.ts";
import { GatewayError } from "../errors.ts";
import { extensionsIn, knowsTasks, tasksExtension } from "../extensions.ts";
import type { Limits } from "../limits.ts";
import type { Call, Ending, JsonObject, Principal, Result } from "../model.ts";
import type { Sealer } from "../seal.ts";
import type { CatalogReader } from "./catalog.ts";
import type { Router } from "./route.ts";
import { type ResolvedSurface, soleOwner } from "./server.ts";
import { ownerOf } from "./serving_instance.ts";
import type { CallContext, Target } from "./steps/steps.ts";

/** What task ids are sealed, opened and checked with. */
export interface SealedTaskDeps {
  readonly sealer: Sealer;
  readonly catalog: Pick<CatalogReader, "describe">;
  readonly router: Pick<Router, "result">;
  readonly limits: Pick<Limits, "taskIdCharsMax">;
  /** The name of this instance. */
  readonly instance: string;
}

/** What a sealed id holds. */
interface SealedTask {
  readonly server: string;
  readonly tool: string;
  readonly id: string;
  /** The instance that runs the server, if it does. */
  readonly owner?: string;
}

const purpose = "task";

/**
 * The target of a stateless client's request about a task. Rejects with `capability_missing` where
 * the client did not declare the extension, with `invalid_params` for an id that is not ours or not
 * this principal's, and with `method_not_found` where no server of the surface has tasks.
 */
export async function targetOfSealedTask(
  surface: ResolvedSurface,
  call: Call,
  deps: SealedTaskDeps,
): Promise<Target> {
  const { params, caller } = call;
  const offered = String(params["taskId"]);
  const task = await openTask(offered, caller.principal, deps);
  const server = surface.servers.find(({ config }) =>
    config.name === task?.server && isOffered(config.tools, task.tool)
  );
  if (task !== undefined && server !== undefined && knowsTasks(caller)) {
    const item = { kind: "tools", own: task.tool, offered: task.tool } as const;
    return { server, params: { ...params, taskId: task.id }, item };
  }
  const { capabilities } = await deps.catalog.describe(surface, caller);
  if (extensionsIn(capabilities)[tasksExtension] === undefined) {
    throw new GatewayError("method_not_found", `No server here offers "${call.method}"`);
  }
  if (knowsTasks(caller)) {
    // Without the id, which may be long, and is all that a client without credentials needs.
    throw new GatewayError("invalid_params", "Unknown task: this client has none of that id here");
  }
  throw tasksUndeclared(call.method);
}

/** The failure of a request for clients that know tasks, from one that does not. */
export function tasksUndeclared(method: string): GatewayError {
  return new GatewayError(
    "capability_missing",
    `Cannot take ${method}: the client did not declare the extension "${tasksExtension}"`,
    { data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } } },
  );
}

async function openTask(
  text: string,
  principal: Principal,
  { sealer }: Pick<SealedTaskDeps, "sealer">,
): Promise<SealedTask | undefined> {
  const opened = await sealer.open(purpose, text, principal.id);
  return opened as SealedTask | undefined;
}

/**
 * The result of a call that runs as a task, or the state of a task, as its client gets it; undefined
 * for other results.
 */
export function toOfferedTask(
  context: CallContext,
  target: Target,
  ending: Result,
  deps: SealedTaskDeps,
): Promise<Ending> | undefined {
  if (ending.isTask === true) return created(context, target, ending, deps);
  return context.call.method === "tasks/get" && context.call.caller.asksByResult === true
    ? polled(context, target, ending, deps)
    : undefined;
}

async function created(
  { principal }: CallContext,
  { server, item }: Target,
  ending: Result,
  { sealer, limits, instance }: SealedTaskDeps,
): Promise<Ending> {
  const { name } = server.config;
  const sealed = {
    server: name,
    tool: item?.own ?? "",
    id: ending.value["taskId"],
    ...ownerOf(server, instance),
  };
  const taskId = await sealer.seal(purpose, sealed, principal.id);
  if (taskId.length > limits.taskIdCharsMax) {
    const text = `Server "${name}" started a task whose id is too long to ask for`;
    return { kind: "failure", error: new GatewayError("bad_upstream_response", text) };
  }
  return { ...ending, value: { ...ending.value, taskId } };
}

/** Whatever task a server's answer names, it is about the one that was asked for. */
async function polled(
  { call, surface }: CallContext,
  target: Target,
  ending: Result,
  { router }: SealedTaskDeps,
): Promise<Ending> {
  const { inputRequests = {}, result } = ending.value;
  const lacks = Object.values(
    inputRequests as Record<string, { method: string; params: JsonObject }>,
  )
    .map((asked) => missingCapability(asked, call.caller.capabilities)?.required)
    .filter((one) => one !== undefined);
  if (lacks.length > 0) return { kind: "failure", error: lacking(lacks) };
  const value: JsonObject = { ...ending.value, taskId: call.params["taskId"] };
  if (result === undefined || soleOwner(surface) !== undefined) return { ...ending, value };
  const offered = await router.result(surface, target, result as JsonObject, call.caller);
  return { ...ending, value: { ...value, result: offered } };
}
