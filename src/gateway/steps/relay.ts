/**
 * The last step: the call reaches the server that it was resolved to, or, where it concerns all
 * servers, is answered from their replies. On the way back a server's names and URIs become those
 * of the surface, and the gateway remembers the tasks and subscriptions that a result reports.
 */
import { GatewayError } from "../../errors.ts";
import { type Call, type Ending, type Exchange, type JsonObject, listKinds } from "../../model.ts";
import type { ListKind } from "../../model.ts";
import { isPageUri } from "../app_meta.ts";
import { missingKey } from "../catalog.ts";
import { pageOf } from "../cursor.ts";
import { endingOf } from "../exchange.ts";
import { unsent } from "../outcome.ts";
import { isOneUser } from "../page_call.ts";
import { pinnedList } from "../pinned_list.ts";
import { offeredKey } from "../scope.ts";
import { toOfferedTask } from "../sealed_tasks.ts";
import { listTasks, noteTask } from "../tasks.ts";
import { toOffered } from "../offered_notice.ts";
import { type Server, soleOwner } from "../server.ts";
import { askFirst } from "./consent.ts";
import { openWithLogin } from "./ask_login.ts";
import { noteAnswered, openAt, openAtEach } from "./open_at.ts";
import { getSkill, readDirectory, skillResults } from "./skill_calls.ts";
import type { CallContext, MakeStep, Step, StepDeps, Target } from "./steps.ts";

type Handler = (context: CallContext, deps: StepDeps) => ReturnType<NonNullable<Step["before"]>>;

/** Methods that are not simply handed to the target. */
const handlers: ReadonlyMap<string, Handler> = new Map([
  ["tools/list", list("tools")],
  ["prompts/list", list("prompts")],
  ["resources/list", list("resources")],
  ["resources/templates/list", list("templates")],
  ["resources/directory/read", readDirectory(open)],
  ["skills/list", list("skills")],
  ["skills/get", getSkill(open)],
  ["completion/complete", complete],
  ["tasks/list", tasks],
  ["logging/setLevel", setLevel],
]);

/** What is remembered of a call that went well, by its method. */
const notes: ReadonlyMap<string, (context: CallContext, deps: StepDeps) => void> = new Map([
  ["resources/subscribe", subscribe(true)],
  ["resources/unsubscribe", subscribe(false)],
  ["resources/read", readPage],
]);

/** Makes the step. */
export const makeRelayStep: MakeStep = (deps) => ({
  name: "relay",
  before(context) {
    const { call, target, consent } = context;
    if (consent === "needed" && target !== undefined) {
      context.use = deps.servers.use(target.server);
      return askFirst(context, target, (latest) => open(latest, deps), deps);
    }
    return (handlers.get(call.method) ?? open)(context, deps);
  },
  reply({ call, surface, target }, reply) {
    if (reply.kind !== "notice" || target === undefined || surface.servers.length === 1) {
      return reply;
    }
    const { subscribed } = deps.scopes.of(call.caller.scope);
    return toOffered(surface, target.server.config.name, reply, subscribed);
  },
  end: (context, ending) => finish(context, ending, deps),
});

/** Opens the call at its server, whose client may have to log in there first. */
function open(context: CallContext, deps: StepDeps): Exchange {
  const { call: { method }, target } = context;
  if (target === undefined) throw new Error(`"${method}" has no target`);
  return openWithLogin(context, target, (latest) => send(latest, target, deps), deps);
}

/** Hands the call to its server, in the server's own words. */
function send(
  context: CallContext,
  { server, params }: Target,
  deps: StepDeps,
): Exchange {
  const { call, surface } = context;
  if (call.target !== undefined) {
    // The upstream takes this back where it has to wait before it can send anything.
    call.target.isSent = true;
    // On its own surface a server answers stateless clients itself.
    call.target.relaysTaskRefusal = surface.takesForeign && call.caller.asksByResult === true;
  }
  context.use ??= deps.servers.use(server);
  return openAt(context, server, params === call.params ? call : { ...call, params }, deps);
}

function finish(
  context: CallContext,
  ending: Ending,
  deps: StepDeps,
): Ending | Promise<Ending> {
  const { call, surface, target, use } = context;
  noteAnswered(context, deps);
  if (use === undefined) return ending;
  use.release();
  context.use = undefined;
  if (ending.kind !== "result" || target === undefined) return ending;
  notes.get(call.method)?.(context, deps);
  const task = toOfferedTask(context, target, ending, deps);
  if (task !== undefined) return task;
  noteTask(ending.value, call, target, deps);
  const convert = skillResults.get(call.method);
  if (convert !== undefined) return convert(context, target, ending, deps);
  if (soleOwner(surface) !== undefined) return ending;
  const value = deps.router.result(surface, target, ending.value, call.caller);
  return value instanceof Promise
    ? value.then((changed) => ({ ...ending, value: changed }))
    : value === ending.value
    ? ending
    : { ...ending, value };
}

function list(kind: ListKind): Handler {
  return async ({ call, surface }, deps) => {
    const { catalog, sealer, limits } = deps;
    const { identity, key, method } = listKinds[kind];
    const { caller, hears = () => false } = call;
    const { items, missing } = kind === "tools" && surface.search !== undefined
      ? await pinnedList(deps, surface, surface.search, caller, hears)
      : await catalog.list(kind, surface, caller, hears);
    const page = await pageOf(items, {
      cursor: call.params["cursor"],
      identity,
      list: `${surface.surface} ${method}`,
      caller,
      sealer,
      itemsMax: limits.pageItemsMax,
    });
    const value = {
      [key]: page.items,
      ...(page.nextCursor === undefined ? {} : { nextCursor: page.nextCursor }),
      ...(missing.length === 0 ? {} : { _meta: { [missingKey]: missing } }),
    };
    const freshness = missing.length > 0 ? undefined : catalog.freshness(kind, surface, caller);
    return { kind: "result", value, freshness };
  };
}

/** A server without completions has none to offer, which is no failure. */
async function complete(context: CallContext, deps: StepDeps): Promise<Ending | Exchange> {
  const { call, target } = context;
  if (target === undefined) throw new Error(`"${call.method}" has no target`);
  const { capabilities } = await unsent(target.server.upstream.describe(call.caller));
  if (context.isGivenUp) throw new GatewayError("cancelled");
  if (capabilities["completions"] !== undefined) return open(context, deps);
  return { kind: "result", value: { completion: { values: [] } } };
}

/** The tasks of all servers of the surface that list theirs. */
async function tasks(context: CallContext, deps: StepDeps): Promise<Ending> {
  const { call, surface } = context;
  const ask = (server: Server, params: JsonObject): Promise<Ending> =>
    context.isGivenUp
      ? Promise.resolve({ kind: "failure", error: new GatewayError("cancelled") })
      : endAt(context, server, { ...call, params }, deps);
  return { kind: "result", value: { tasks: await listTasks(surface, call, { ...deps, ask }) } };
}

/** Sends the level to every server of the surface; their answers are ignored. */
async function setLevel(context: CallContext, deps: StepDeps): Promise<Ending> {
  const { call, surface } = context;
  await Promise.all(surface.servers.map((server) => endAt(context, server, call, deps)));
  return { kind: "result", value: {} };
}

/** How a call of the gateway's own ends at a server, which a reload does not close meanwhile. */
async function endAt(
  context: CallContext,
  server: Server,
  call: Call,
  deps: StepDeps,
): Promise<Ending> {
  const use = deps.servers.use(server);
  try {
    return await endingOf(openAtEach(context, server, call, deps));
  } finally {
    use.release();
  }
}

function subscribe(isOn: boolean) {
  return ({ call, surface: { surface }, target }: CallContext, { scopes }: StepDeps): void => {
    if (target?.item === undefined) return;
    const { server, item: { offered, own } } = target;
    const { subscribed } = scopes.of(call.caller.scope);
    const key = offeredKey({ surface, offered });
    if (!isOn) subscribed.delete(key);
    else subscribed.set(key, { surface, offered, server: server.config.name, uri: own });
  };
}

/** Which server's page was read last tells whose page calls a tool by its own name. */
function readPage({ call, surface, target }: CallContext, { scopes }: StepDeps): void {
  if (target === undefined || !isPageUri(target.item?.own) || !isOneUser(call.caller)) return;
  scopes.readPage(call.caller.scope, surface.surface, target.server.config.name);
}
