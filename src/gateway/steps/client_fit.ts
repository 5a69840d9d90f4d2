/**
 * What a client with known limits is offered: as many tools as it takes, the first ones in the order
 * of the configuration, under names that it takes. What is left out of the list can be called all the
 * same. A name that is too long is cut and gets a hash, and is found again when the client calls it.
 * The first time for each kind of client and surface is an event.
 */
import { addWithin, putWithin } from "../../bounded.ts";
import type { Ending, JsonObject, Result } from "../../model.ts";
import type { ListLimit } from "../../telemetry/client_events.ts";
import type { BoundedClient } from "../client_bounds.ts";
import { hasHash, shortName } from "../name.ts";
import type { CallContext, MakeStep, StepDeps } from "./steps.ts";

/** What the step keeps. */
interface Fitting {
  readonly deps: StepDeps;
  /** Shortened name on a surface -> the name there. */
  readonly names: Map<string, string>;
  /** What an event was emitted for. */
  readonly told: Set<string>;
}

/** Makes the step. */
export const makeClientFitStep: MakeStep = (deps) => {
  const fitting: Fitting = { deps, names: new Map(), told: new Set() };
  return {
    name: "client",
    before(context) {
      const { method, params: { name }, caller } = context.call;
      if (method !== "tools/call" || typeof name !== "string") return undefined;
      const most = deps.clients.of(caller.clientInfo)?.nameCharsMax;
      if (most === undefined || name.length !== most || !hasHash(name)) return undefined;
      const known = fitting.names.get(keyOf(context, name));
      if (known === undefined) return find(fitting, context, name, most);
      rename(context, known);
      return undefined;
    },
    end(context, ending) {
      const { method, caller } = context.call;
      if (method !== "tools/list" || ending.kind !== "result") return;
      const client = deps.clients.of(caller.clientInfo);
      return client && fit(fitting, context, ending, client);
    },
  };
};

const keyOf = ({ surface: { surface } }: CallContext, name: string): string =>
  JSON.stringify([surface, name]);

function rename(context: CallContext, name: string): void {
  const { call } = context;
  if (name !== call.params["name"]) context.call = { ...call, params: { ...call.params, name } };
}

/** Finds a shortened name that was listed before the gateway started, or long ago. */
async function find(
  fitting: Fitting,
  context: CallContext,
  name: string,
  most: number,
): Promise<void> {
  const { call: { caller, hears = () => false }, surface } = context;
  // If the list cannot be read, the call is resolved as it is, and fails with the reason.
  const list = await fitting.deps.catalog.list("tools", surface, caller, hears).catch(() => {});
  if (list === undefined) return;
  shortened(fitting, context, list.items, most);
  rename(context, fitting.names.get(keyOf(context, name)) ?? name);
}

/** The list of tools within the limits of a client; undefined if it is so already. */
function fit(
  fitting: Fitting,
  context: CallContext,
  ending: Result,
  client: BoundedClient,
): Ending | undefined {
  const { tools: given, nextCursor, ...rest } = ending.value;
  if (!Array.isArray(given)) return undefined;
  const { nameCharsMax } = client;
  // A list with a limit is one page.
  const toolsMax = client.toolsMax === undefined
    ? Infinity
    : Math.min(client.toolsMax, fitting.deps.limits.pageItemsMax);
  const isFirst = context.call.params["cursor"] === undefined;
  const kept = isFirst ? given.slice(0, toolsMax) : toolsMax === Infinity ? given : [];
  const isLimited = kept.length < given.length || (toolsMax < Infinity && nextCursor !== undefined);
  const tools = nameCharsMax === undefined ? kept : shortened(fitting, context, kept, nameCharsMax);
  const renamed = tools.filter((tool, at) => tool !== kept[at]).length;
  const tell = (limit: ListLimit, affected: number) =>
    report(fitting, context, client, { limit, affected, tools: given.length });
  if (isLimited) tell("toolsMax", given.length - kept.length);
  if (renamed > 0) tell("nameCharsMax", renamed);
  if (!isLimited && renamed === 0) return undefined;
  const { freshness } = ending;
  return {
    ...ending,
    value: { ...rest, tools, ...(isLimited || nextCursor === undefined ? {} : { nextCursor }) },
    // The same list is another one for other clients.
    freshness: freshness && { ...freshness, isShared: false },
  };
}

/** The tools under names of at most `most` characters, which are remembered. */
function shortened(
  { deps: { limits }, names }: Fitting,
  context: CallContext,
  tools: readonly JsonObject[],
  most: number,
): readonly JsonObject[] {
  const taken = new Set(tools.map(({ name }) => name).filter((name) => isFitting(name, most)));
  return tools.map((tool) => {
    const { name } = tool;
    if (typeof name !== "string") return tool;
    const isWhole = isFitting(name, most);
    const short = isWhole ? name : shortName(name, most, taken);
    taken.add(short);
    if (!isWhole || (name.length === most && hasHash(name))) {
      putWithin(names, keyOf(context, short), name, limits.shortNamesMax);
    }
    return isWhole ? tool : { ...tool, name: short };
  });
}

const isFitting = (name: unknown, most: number): boolean =>
  typeof name !== "string" || name.length <= most;

function report(
  { deps: { emit, limits }, told }: Fitting,
  { surface: { surface } }: CallContext,
  client: BoundedClient,
  facts: { readonly limit: ListLimit; readonly affected: number; readonly tools: number },
): void {
  const { id } = client;
  const key = JSON.stringify([id, surface, facts.limit]);
  if (told.has(key)) return;
  addWithin(told, key, limits.limitedClientsMax);
  const most = client[facts.limit] ?? 0;
  emit({ type: "client_limited", surface, client: id, most, ...facts });
}
