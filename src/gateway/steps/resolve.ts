/**
 * Looks up once what a call names: the server, that server's own name for it, and the item as the
 * server lists it, where that is known. Methods that concern every server of a surface have no
 * target. A method that the protocol does not define reaches the only server of its surface, or
 * none.
 */
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { readsDirectories } from "../../extensions.ts";
import type { JsonObject, ListKind } from "../../model.ts";
import { hintsOf } from "../access_policy.ts";
import { noteCandidates, noteTarget } from "../call_target.ts";
import { textParam } from "../call_params.ts";
import { foreignTarget } from "../foreign_methods.ts";
import { asksForKept } from "../kept_results.ts";
import { type RouteTarget, unknownItem } from "../lookup.ts";
import { soleOwner } from "../server.ts";
import { targetOfSealedTask } from "../sealed_tasks.ts";
import { isSearchTool } from "../search_tools.ts";
import { targetOfTask } from "../tasks.ts";
import type { CallContext, MakeStep, StepDeps, Target } from "./steps.ts";

type Resolve = (
  context: CallContext,
  deps: StepDeps,
) => Target | undefined | Promise<Target | undefined>;

/** What a method names, if anything. */
const resolves: ReadonlyMap<string, Resolve> = new Map([
  ["tools/call", named("tools")],
  ["prompts/get", named("prompts")],
  ["resources/read", resource],
  ["resources/subscribe", resource],
  ["resources/unsubscribe", resource],
  ["resources/directory/read", folder],
  ["skills/get", skill],
  ["completion/complete", reference],
  ["tasks/get", task],
  ["tasks/result", task],
  ["tasks/update", task],
  ["tasks/cancel", task],
  ["tools/list", sole],
  ["prompts/list", sole],
  ["resources/list", sole],
  ["resources/templates/list", sole],
  ["skills/list", sole],
  ["tasks/list", nothing],
  ["logging/setLevel", nothing],
]);

/** The methods of calls that the protocol defines. */
export const callMethods: ReadonlySet<string> = new Set(resolves.keys());

/** Makes the step. */
export const makeResolveStep: MakeStep = (deps) => ({
  name: "resolve",
  before(context) {
    // No server has it: the step `results` answers.
    if (asksForKept(context.call)) return;
    try {
      const found = (resolves.get(context.call.method) ?? foreign)(context, deps);
      return found instanceof Promise
        ? found.then((target) => note(context, target), (thrown) => refuse(context, thrown))
        : note(context, found);
    } catch (thrown) {
      refuse(context, thrown);
    }
  },
});

/** Refuses a call before any server got it; one that returns with answers had begun, and may go on. */
function refuse(context: CallContext, thrown: unknown): void {
  const error = toGatewayError(thrown);
  if (context.call.resume?.state === undefined) throw withOutcome(error, "not_sent");
  context.unresolved = withOutcome(error, "unknown");
}

function note(context: CallContext, target: Target | undefined): void {
  if (target === undefined) return;
  context.target = target;
  noteTarget(context.call, target.params, target.server);
}

/** Checks that the item fits the call, once the item is known. */
function check({ call }: CallContext, item: JsonObject | undefined): void {
  if (item === undefined) return;
  call.checkItem?.(item);
  if (call.target !== undefined) call.target.item = item;
}

/** The target for the name `offered`; `put` writes the server's own name into the params. */
function toTarget(
  { call }: CallContext,
  found: RouteTarget,
  kind: ListKind,
  put: (params: JsonObject, own: string) => JsonObject,
  offered: string,
): Target {
  const { server, own, item } = found;
  const hints = kind === "tools" && item !== undefined ? hintsOf(item) : undefined;
  const params = own === offered ? call.params : put(call.params, own);
  return { server, params, item: { kind, own, offered: found.offered ?? offered, hints } };
}

const putName = (params: JsonObject, own: string): JsonObject => ({ ...params, name: own });
const putUri = (params: JsonObject, own: string): JsonObject => ({ ...params, uri: own });

function named(kind: "tools" | "prompts"): Resolve {
  return (context, deps) => {
    const { call, surface } = context;
    const offered = textParam(call, "name");
    // The step `search` answers these.
    if (kind === "tools" && isSearchTool(surface, offered)) return undefined;
    const known = deps.router.known(kind, surface, offered, call.caller);
    if (known === undefined) {
      noteCandidates(call, surface, offered);
      return lookUp(context, kind, offered, deps);
    }
    check(context, known.item);
    return toTarget(context, known, kind, putName, offered);
  };
}

/** The target of a name that the lists in memory do not decide. */
async function lookUp(
  context: CallContext,
  kind: "tools" | "prompts",
  offered: string,
  { router, catalog }: StepDeps,
): Promise<Target> {
  const { call, surface } = context;
  const found = await router.name(kind, surface, offered, call.caller);
  if (found.item !== undefined) {
    check(context, found.item);
  } else if (kind === "tools" && call.checkItem !== undefined) {
    const patience = { kind: "call" } as const;
    const { items } = await catalog.part("tools", found.server, call.caller, { patience });
    check(context, items.find((item) => item["name"] === found.own));
  }
  return toTarget(context, found, kind, putName, offered);
}

async function resource(context: CallContext, { router }: StepDeps): Promise<Target> {
  const { call, surface } = context;
  const offered = textParam(call, "uri");
  const found = await router.uri(surface, offered, call.caller);
  return toTarget(context, found, "resources", putUri, offered);
}

/** A skill that no list has is asked for later, at each server with skills. */
async function skill(context: CallContext, { router }: StepDeps): Promise<Target | undefined> {
  const { call, surface } = context;
  const offered = textParam(call, "uri");
  const found = await router.skill(surface, offered, call.caller);
  return found && toTarget(context, found, "skills", putUri, offered);
}

/** The owner of a folder whose children are asked for. */
async function folder(
  context: CallContext,
  { router, catalog }: StepDeps,
): Promise<Target> {
  const { call, surface } = context;
  const offered = textParam(call, "uri");
  const isSole = soleOwner(surface) !== undefined;
  if (!isSole && !await catalog.offers(surface, call.caller, readsDirectories)) {
    throw new GatewayError("method_not_found", `No server here offers "${call.method}"`);
  }
  const found = await router.uri(surface, offered, call.caller).catch((thrown) => {
    throw toGatewayError(thrown).code === "resource_not_found"
      ? unknownItem("skills", offered)
      : thrown;
  });
  return toTarget(context, found, "skills", putUri, offered);
}

/** What a completion is about: a prompt by its name, else a resource or template by its URI. */
async function reference(context: CallContext, { router }: StepDeps): Promise<Target> {
  const { call, surface } = context;
  const ref = (call.params["ref"] ?? {}) as JsonObject;
  const isPrompt = ref["type"] === "ref/prompt";
  const key = isPrompt ? "name" : "uri";
  const offered = typeof ref[key] === "string" ? ref[key] : "";
  const found = isPrompt
    ? await router.name("prompts", surface, offered, call.caller)
    : await router.template(surface, offered, call.caller);
  return toTarget(
    context,
    found,
    isPrompt ? "prompts" : "templates",
    (params, own) => ({ ...params, ref: { ...ref, [key]: own } }),
    offered,
  );
}

function task({ call, surface }: CallContext, deps: StepDeps): Target | Promise<Target> {
  return call.caller.asksByResult === true
    ? targetOfSealedTask(surface, call, deps)
    : targetOfTask(surface, call, deps);
}

/** A list of a single server is about that server; it is answered from the catalog all the same. */
function sole({ call, surface: { servers: [only, ...others] } }: CallContext): undefined {
  if (others.length === 0) noteTarget(call, call.params, only);
}

function nothing(): undefined {}

function foreign({ call, surface }: CallContext): Target {
  const server = foreignTarget(surface);
  if (server !== undefined) return { server, params: call.params };
  throw new GatewayError("method_not_found", `Unknown method "${call.method}"`);
}
