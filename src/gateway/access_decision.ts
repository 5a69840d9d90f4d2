/**
 * What the rows of `access` say about one item of a server. The first row that matches decides, and
 * what no row matches is denied. A row may depend on what is not known: the hints of a tool whose
 * definition was not read, or a URI that its server may understand as another one. Then the stricter
 * of both answers counts, so that ignorance never allows anything. Pure functions.
 */
import type { AccessRow } from "../config/access_rows.ts";
import { matchesPattern } from "../config/tool_filter.ts";
import type { Principal } from "../model.ts";
import { keyPrincipal } from "../principals.ts";
import type { PolicyAnswer, PolicyItem } from "./access_policy.ts";

type Match = "yes" | "no" | "maybe";

const answers: readonly PolicyAnswer[] = ["allow", "ask", "deny"];

/** The stricter of two answers. */
export function stricter(one: PolicyAnswer, other: PolicyAnswer): PolicyAnswer {
  return answers.indexOf(one) >= answers.indexOf(other) ? one : other;
}

/** The row, as far as it says who is meant: whether that is this principal. */
export function concerns(row: AccessRow, { id, client, roles, groups }: Principal): boolean {
  return isAmong(row.principal, [id]) &&
    isAmong(row.client, client === undefined ? [] : [client]) &&
    isAmong(row.role, roles ?? []) && isAmong(row.group, groups ?? []) &&
    isAmong(row.key?.map(keyPrincipal), [id]);
}

function isAmong(patterns: readonly string[] | undefined, values: readonly string[]): boolean {
  return patterns === undefined || values.some((value) => matchesAny(patterns, value));
}

/** Whether a name matches one of these patterns. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, name));
}

/** The answer about an item, by the rows that concern its principal and server. */
export function decideItem(rows: readonly AccessRow[], item: PolicyItem): PolicyAnswer {
  let atLeast: PolicyAnswer = "allow";
  for (const row of rows) {
    if (row.what === undefined) continue;
    const match = matchItem(row, item);
    if (match === "yes") return stricter(atLeast, row.what);
    if (match === "maybe") atLeast = stricter(atLeast, row.what);
  }
  return "deny";
}

/** The answer about the server as a whole: it is denied if nothing of it can be allowed. */
export function decideServer(rows: readonly AccessRow[]): PolicyAnswer {
  for (const row of rows) {
    if (row.what === undefined) continue;
    if (row.what !== "deny") return "allow";
    if (coversAll(row)) return "deny";
  }
  return "deny";
}

/** The strictest answer that anything of the server can get. */
export function decideStrictest(rows: readonly AccessRow[]): PolicyAnswer {
  let strictest: PolicyAnswer = "allow";
  for (const row of rows) {
    if (row.what === undefined) continue;
    strictest = stricter(strictest, row.what);
    if (coversAll(row)) return strictest;
  }
  return "deny";
}

/** Whether a row covers all of its servers: it names no part of them. */
function coversAll({ tools, prompts, resources, hints }: AccessRow): boolean {
  return tools === undefined && prompts === undefined && resources === undefined &&
    hints === undefined;
}

function matchItem(row: AccessRow, item: PolicyItem): Match {
  if (coversAll(row)) return "yes";
  switch (item.kind) {
    case "tools":
      return matchTool(row, item);
    case "prompts":
      return row.prompts !== undefined && matchesAny(row.prompts, item.own) ? "yes" : "no";
    case "resources":
    case "templates":
    // A skill is the resource that it begins with.
    case "skills":
      return row.resources === undefined ? "no" : matchUri(row.resources, item.own);
  }
}

function matchTool({ tools, hints: wanted }: AccessRow, { own, hints }: PolicyItem): Match {
  if (tools === undefined && wanted === undefined) return "no";
  if (tools !== undefined && !matchesAny(tools, own)) return "no";
  if (wanted === undefined) return "yes";
  if (hints === undefined) return "maybe";
  return wanted.some((name) => hints[name]) ? "yes" : "no";
}

function matchUri(patterns: readonly string[], uri: string): Match {
  if (patterns.includes("*")) return "yes";
  if (!isPlain(uri)) return "maybe";
  if (matchesAny(patterns, uri)) return "yes";
  return matchesAny(canonicalOf(patterns), canonical(uri)) ? "maybe" : "no";
}

/** The patterns of each row in one spelling, since a list is checked against them URI by URI. */
const knownPatterns = new WeakMap<readonly string[], readonly string[]>();

function canonicalOf(patterns: readonly string[]): readonly string[] {
  let known = knownPatterns.get(patterns);
  if (known === undefined) knownPatterns.set(patterns, known = patterns.map(canonical));
  return known;
}

/** Dot segments, backslashes, empty segments, and characters that are encoded without need. */
const ambiguous =
  /[/\\]\.{1,2}(?:[/\\?#]|$)|\\|%5c|[^:/]\/\/|%(?:2[def]|3\d|4[1-9a-f]|5[\daf]|6[1-9a-f]|7[\dae])/i;

/** Whether a URI has one spelling only, so that no server takes it for another one (RFC 3986, 6). */
function isPlain(uri: string): boolean {
  return !ambiguous.test(uri);
}

const blanks = /[\s\p{C}]+/gu;

/**
 * A URI or pattern in the spelling that stands for all those which servers may take for the same
 * one: without blanks, fragment, escapes and the slashes after the scheme, and with the scheme and
 * what follows it, usually an authority, in lower case (RFC 3986, 6.2).
 */
function canonical(text: string): string {
  return text.replace(blanks, "")
    // Not the expression of a template, such as {#section}.
    .replace(/(?<!\{)#.*$/, "")
    .replace(/\?$/, "")
    .replace(/(?:%[\da-f]{2})+/gi, decoded)
    .replace(blanks, "")
    .replace(/^([^:/?]+:)\/*/, "$1")
    .replace(/^[^:/?]+:[^/?]*/, (start) => start.toLowerCase())
    .replace(/^file:localhost\//, "file:")
    .normalize();
}

function decoded(escapes: string): string {
  try {
    return decodeURIComponent(escapes);
  } catch {
    return escapes.toLowerCase();
  }
}
