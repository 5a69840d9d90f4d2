/**
 * Results of tools that are longer than their clients take: shortened where their structure allows,
 * with a note and a link to the whole, which is kept to be read on in parts. What an upstream
 * shortened itself gets the same link. The URIs of kept results are answered here; no server has
 * them. A result that is not too long passes as the text that it came as.
 */
import { GatewayError } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { Ending, JsonObject } from "../../model.ts";
import { clientLine } from "../../one_line.ts";
import { textOfValue } from "../../source_text.ts";
import { cutResult, type ResultBounds } from "../../truncation/cut_content.ts";
import { wholeOf } from "../../whole_result.ts";
import type { PolicyItem } from "../access_policy.ts";
import { namedPages } from "../app_meta.ts";
import { contentsOf, linkedResult, sentenceOn, shortenedResult } from "../cut_notice.ts";
import { asksForKept, type KeptResult, partIn } from "../kept_results.ts";
import type { Piece } from "../../truncation/pieces.ts";
import type { CallContext, MakeStep, StepDeps, Target } from "./steps.ts";

/** Where a result of a tool stands in the result of a method. */
const places: ReadonlyMap<string, "whole" | "member"> = new Map([
  ["tools/call", "whole"],
  ["tasks/result", "whole"],
  // The state of a task holds its result.
  ["tasks/get", "member"],
]);

/** Makes the step. */
export const makeResultsStep: MakeStep = (deps) => ({
  name: "results",
  before(context) {
    const { call, target } = context;
    const { method, caller } = call;
    if (asksForKept(call)) return readKept(context, deps);
    if (method === "tools/call" && target !== undefined && call.target !== undefined) {
      call.target.resultCharsMax = deps.clients.resultChars(caller, target.server.config);
    }
    return undefined;
  },
  end(context, ending) {
    const place = places.get(context.call.method);
    const { target } = context;
    if (place === undefined || ending.kind !== "result" || target === undefined) return;
    const given = place === "whole" ? ending.value : ending.value["result"];
    if (!isJsonObject(given)) return;
    const put = (changed: JsonObject): Ending => ({
      ...ending,
      value: place === "whole" ? changed : { ...ending.value, result: changed },
    });
    const linked = linkToWhole(context, target, given, deps);
    if (linked !== undefined) return put(linked);
    const charsMax = deps.clients.resultChars(context.call.caller, target.server.config);
    if (charsMax === undefined || textOfValue(given).length <= charsMax) return;
    return shorten(context, target, given, deps).then((changed) => changed && put(changed));
  },
  close: () => deps.kept.close(),
});

/** A part of a kept result. It looks as if it had expired to all but the client that got it. */
function readKept(
  { call, principal, surface }: CallContext,
  { kept, policy, clock }: StepDeps,
): Ending {
  const uri = String(call.params["uri"]);
  const asked = partIn(uri);
  const found = asked && kept.find(asked.uri, call.caller, surface.surface);
  const isAllowed = found !== undefined &&
    surface.servers.some(({ config }) => config.name === found.server) &&
    policy(principal, found.server, found.item) !== "deny";
  if (!isAllowed || call.method !== "resources/read") throw expired(uri);
  const value = contentsOf(found, asked?.part ?? 1);
  if (value === undefined) throw expired(uri, `the result has ${found.parts.length} parts`);
  const ttlMs = Math.max(0, Math.floor(found.expiresAt - clock.monotonic()));
  return { kind: "result", value, freshness: { ttlMs, isShared: false } };
}

function expired(
  uri: string,
  why = "the result has expired or is unknown; call the tool again",
): GatewayError {
  const message = `Resource not found: "${uri}": ${why}`;
  return new GatewayError("resource_not_found", message, { data: { uri, outcome: "not_sent" } });
}

/** A result that its upstream shortened, with a link to the whole; undefined for other results. */
function linkToWhole(
  context: CallContext,
  target: Target,
  given: JsonObject,
  deps: StepDeps,
): JsonObject | undefined {
  const whole = wholeOf(given);
  if (whole === undefined) return undefined;
  const { text, mimeType } = whole;
  const { limits, clients } = deps;
  const charsMax = clients.resultChars(context.call.caller, target.server.config) ??
    limits.restResultCharsMax;
  const kept = keep(context, target, [{ text, mimeType }], charsMax, deps);
  const changed = kept && linkedResult(whole.noted(sentenceOn(kept)), kept);
  report(context, target, text.length, textOfValue(changed ?? given).length, deps);
  return changed;
}

/** A result within the bound of its client; undefined if nothing of it can or need be left out. */
async function shorten(
  context: CallContext,
  target: Target,
  given: JsonObject,
  deps: StepDeps,
): Promise<JsonObject | undefined> {
  const bounds = await boundsOf(context, target, deps);
  const { charsMax } = bounds;
  const cut = cutResult(given, bounds);
  if (cut === undefined) return undefined;
  const { length: chars } = textOfValue(given);
  const kept = keep(context, target, cut.pieces, charsMax, deps);
  const changed = shortenedResult(given, cut, kept, { chars, charsMax });
  report(context, target, chars, textOfValue(changed).length, deps);
  return changed;
}

/** What the client takes of this result, with what the tool's own definition says. */
async function boundsOf(
  { call: { caller } }: CallContext,
  target: Target,
  deps: StepDeps,
): Promise<ResultBounds> {
  const { clients, limits } = deps;
  const tool = await definitionOf(target, deps, caller);
  const charsMax = clients.resultChars(caller, target.server.config, tool?.["_meta"]) ?? Infinity;
  return {
    charsMax,
    mediaCharsMax: Math.max(charsMax, limits.resultMediaCharsMax),
    noteChars: limits.resultNoteChars,
    blockCharsMin: limits.resultBlockCharsMin,
    // Clients check it against the schema, and pages of apps are made from it.
    keepsStructure: tool === undefined || tool["outputSchema"] !== undefined ||
      namedPages(tool).length > 0,
    json: limits,
  };
}

/** The called tool as its server lists it; undefined if that is not known. */
async function definitionOf(
  { server, item }: Target,
  { catalog }: StepDeps,
  caller: CallContext["call"]["caller"],
): Promise<JsonObject | undefined> {
  if (item?.kind !== "tools") return undefined;
  const options = { patience: { kind: "lookup" } } as const;
  const { items } = await catalog.part("tools", server, caller, options);
  return items.find(({ name }) => name === item.own);
}

function keep(
  { call: { caller }, surface }: CallContext,
  { server, item }: Target,
  pieces: readonly Piece[],
  charsMax: number,
  { kept, limits }: StepDeps,
): KeptResult | undefined {
  const policyItem: PolicyItem | undefined = item &&
    { kind: item.kind, own: item.own, hints: item.hints };
  return kept.keep({
    caller,
    surface: surface.surface,
    server: server.config.name,
    item: policyItem,
    pieces,
    partCharsMax: charsMax - limits.resultNoteChars,
  });
}

function report(
  { call: { caller }, surface }: CallContext,
  { server, item }: Target,
  chars: number,
  keptChars: number,
  { emit, limits }: StepDeps,
): void {
  emit({
    type: "result_cut",
    surface: surface.surface,
    server: server.config.name,
    item: item?.offered,
    client: clientLine(caller.clientInfo, limits.clientTitleCharsMax),
    chars,
    keptChars,
  });
}
