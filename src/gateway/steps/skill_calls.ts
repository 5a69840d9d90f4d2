/**
 * Calls about skills (SEP-2640): a skill by its URI, and what a folder holds. Servers answer for
 * skills that they do not list, so a URI that no list has is asked for at each server with skills, as
 * long as a look-up may take. Results name URIs as the surface does, and nothing that the caller may
 * not know. Not here: lists of skills (catalog.ts), and reading their files, which are resources.
 */
import { GatewayError, toGatewayError } from "../../errors.ts";
import { offersList, readsDirectories } from "../../extensions.ts";
import { isJsonObject } from "../../json.ts";
import type { Ending, Exchange, JsonObject, Result } from "../../model.ts";
import type { PolicyItem } from "../access_policy.ts";
import { textParam } from "../call_params.ts";
import { endingOf } from "../exchange.ts";
import { unknownItem } from "../lookup.ts";
import { unsent } from "../outcome.ts";
import { isWithheld, type Server } from "../server.ts";
import {
  folderOf,
  isFolder,
  isGatewayUri,
  isSkillAllowed,
  toOfferedChild,
  toOfferedSkill,
} from "../skills.ts";
import { openAtEach } from "./open_at.ts";
import type { CallContext, StepDeps, Target } from "./steps.ts";

type Open = (context: CallContext, deps: StepDeps) => Exchange;

/** Makes the handler of `skills/get`; `open` opens a call whose server is known. */
export function getSkill(open: Open) {
  return async (context: CallContext, deps: StepDeps): Promise<Ending | Exchange> =>
    context.target === undefined ? await findSkill(context, deps) : open(context, deps);
}

/**
 * Makes the handler of `resources/directory/read`. A server must not be asked that does not declare
 * it; a sole one says so itself.
 */
export function readDirectory(open: Open) {
  return async (context: CallContext, deps: StepDeps): Promise<Exchange> => {
    const { call, surface, target } = context;
    if (surface.servers.length > 1 && target !== undefined) {
      const { capabilities } = await unsent(target.server.upstream.describe(call.caller));
      if (context.isGivenUp) throw new GatewayError("cancelled");
      if (!readsDirectories(capabilities)) throw unknownItem("skills", textParam(call, "uri"));
    }
    return open(context, deps);
  };
}

/** Asks every server with skills side by side; the first one in order that has the skill counts. */
async function findSkill(context: CallContext, deps: StepDeps): Promise<Ending> {
  const { surface, principal, call } = context;
  const offered = textParam(call, "uri");
  const item = { kind: "skills", own: offered, offered } as const;
  const asked = surface.servers.map((server) => {
    const isDenied = deps.policy(principal, server.config.name, item) === "deny";
    return { server, isDenied, answer: askFor(server, context, deps, isDenied) };
  });
  let failure: GatewayError | undefined;
  let isOffered = false;
  for (const { server, answer } of asked) {
    const ending = await answer;
    if (ending?.kind === "result" && isEntryOf(offered, ending)) {
      return await toOfferedEntry(context, { server, params: call.params, item }, ending, deps);
    }
    if (ending !== undefined) isOffered = true;
    // While a server that may have it starts, it is not unknown.
    if (ending?.kind === "failure" && ending.error.code === "upstream_late") {
      failure ??= ending.error;
    }
  }
  if (failure !== undefined) throw failure;
  throw isOffered
    ? unknownItem("skills", offered, asked.some(({ isDenied }) => isDenied))
    : new GatewayError("method_not_found", `No server here offers "${call.method}"`);
}

/**
 * What one server answers; undefined for one without skills. One that is not asked, since the skill
 * is denied, has none of that URI. Never rejects.
 */
async function askFor(
  server: Server,
  context: CallContext,
  deps: StepDeps,
  isDenied: boolean,
): Promise<Ending | undefined> {
  const { call } = context;
  const { servers, catalog } = deps;
  const use = servers.use(server);
  let exchange: Exchange | undefined;
  let isOver = false;
  const ask = async (): Promise<Ending | undefined> => {
    if (isWithheld(server, "skills")) return undefined;
    const { capabilities } = await server.upstream.describe(call.caller);
    if (!offersList(capabilities, "skills")) return undefined;
    if (isDenied) throw unknownItem("skills", textParam(call, "uri"));
    if (isOver || context.isGivenUp) throw new GatewayError("cancelled");
    exchange = openAtEach(context, server, { ...call, wantsProgress: false }, deps);
    return await endingOf(exchange);
  };
  try {
    return await catalog.inTime(server, call.caller, ask());
  } catch (thrown) {
    exchange?.cancel("The server took too long");
    return { kind: "failure", error: toGatewayError(thrown) };
  } finally {
    isOver = true;
    use.release();
  }
}

type Convert = (
  context: CallContext,
  target: Target,
  ending: Result,
  deps: StepDeps,
) => Ending | Promise<Ending>;

/** What the client gets of a server's result, by the method. */
export const skillResults: ReadonlyMap<string, Convert> = new Map([
  ["skills/get", toOfferedEntry],
  ["resources/directory/read", toOfferedFolder],
]);

/** Whether the caller may know an item of a server. */
const allowedAt =
  ({ principal }: CallContext, { server }: Target, { policy }: StepDeps) =>
  (item: PolicyItem): boolean => policy(principal, server.config.name, item) !== "deny";

/** The same result; what others may not know is not shared with them. */
function asFreshFor({ principal }: CallContext, ending: Result, { access }: StepDeps): Result {
  const { freshness } = ending;
  if (freshness?.isShared !== true || access.isSameForAll(principal)) return ending;
  return { ...ending, freshness: { ...freshness, isShared: false } };
}

// The codec lets only entries with a URI through.
const skillIn = ({ value }: Result): JsonObject => value["skill"] as JsonObject;

/** Whether a server answers about the skill that was asked for, and so claims no other one's URI. */
function isEntryOf(own: unknown, ending: Result): boolean {
  return skillIn(ending)["uri"] === own;
}

async function toOfferedEntry(
  context: CallContext,
  target: Target,
  given: Result,
  deps: StepDeps,
): Promise<Ending> {
  const ending = asFreshFor(context, given, deps);
  const { surface, call: { caller } } = context;
  const { server, item } = target;
  const skill = skillIn(ending);
  const isSole = surface.servers.length === 1;
  const isWanted = isSole || isEntryOf(target.params["uri"], ending);
  if (!isWanted || !isSkillAllowed(skill, allowedAt(context, target, deps))) {
    return { kind: "failure", error: unknownItem("skills", String(item?.offered)) };
  }
  if (isSole) return ending;
  const ownerOf = await deps.catalog.firstOwner(surface, caller);
  const isForced = isGatewayUri(String(item?.offered));
  const offered = toOfferedSkill(server, skill, ownerOf, isForced);
  const folder = folderOf(String(skill["uri"]));
  if (offered === skill && isFolder(folder)) {
    const { name } = server.config;
    deps.scopes.gotSkill(caller.scope, { surface: surface.surface, offered: folder, server: name });
  }
  return { ...ending, value: { ...ending.value, skill: offered } };
}

async function toOfferedFolder(
  context: CallContext,
  target: Target,
  given: Result,
  deps: StepDeps,
): Promise<Ending> {
  const ending = asFreshFor(context, given, deps);
  const { surface, call: { caller } } = context;
  const { resources } = ending.value;
  const children = Array.isArray(resources) ? resources.filter(isJsonObject) : [];
  const isAllowed = allowedAt(context, target, deps);
  const known = children.filter(({ uri }) => isAllowed({ kind: "resources", own: String(uri) }));
  const isSame = surface.servers.length === 1 && known.length === children.length;
  if (isSame) return ending;
  const ownerOf = await deps.catalog.firstOwner(surface, caller);
  const isForced = isGatewayUri(String(target.item?.offered));
  const offered = surface.servers.length === 1
    ? known
    : known.map((child) => toOfferedChild(target.server, child, ownerOf, isForced));
  return { ...ending, value: { ...ending.value, resources: offered } };
}
