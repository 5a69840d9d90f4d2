/**
 * Calls of an app's page, which knows the tools of its server by the server's own names alone. A
 * host passes such a name on as it is, so a name that is not listed is looked up here: only servers
 * that offer a page are candidates, and of them only tools that pages may call, so that no other
 * server catches a guessed name. Among several candidates the page decides that this client read
 * last. The rest of the gateway sees the name under which the surface lists the tool.
 */
import { putWithin } from "../bounded.ts";
import { GatewayError } from "../errors.ts";
import { variantOf } from "../extensions.ts";
import { defaultLimits } from "../limits.ts";
import { anonymousPrincipal, type Caller, type ListKind } from "../model.ts";
import { hintsOf } from "./access_policy.ts";
import { admitsApp, isPageUri } from "./app_meta.ts";
import type { Part, PartOptions } from "./catalog.ts";
import { oauthOf } from "./connect_tool.ts";
import { lastListOf, type RouteDeps, type RouteTarget, unknownItem } from "./lookup.ts";
import { isWithheld, type ResolvedSurface, type Server } from "./server.ts";

/** A tool that the call may mean. */
type Candidate = RouteTarget & { readonly offered: string };

/** What is looked for. */
interface PageCall {
  readonly view: ResolvedSurface;
  readonly own: string;
  readonly caller: Caller;
}

/** First what is known; where that has no candidate, what servers can say soon. */
const patiences: readonly PartOptions[] = [
  { patience: { kind: "memory" } },
  { patience: { kind: "glance" } },
];

/** Whether a scope belongs to one session or user, so that its last page says whose page calls. */
export function isOneUser({ sharesScope, principal }: Caller): boolean {
  return sharesScope !== true || principal.id !== anonymousPrincipal.id;
}

/**
 * The tool that a page means by a server's own name; undefined when there is none. Throws
 * `invalid_params` for a name that several servers have.
 */
export async function targetOfPageCall(
  deps: RouteDeps,
  view: ResolvedSurface,
  own: string,
  caller: Caller,
): Promise<RouteTarget | undefined> {
  const call: PageCall = { view, own, caller };
  const ofPage = await candidateOfLastPage(deps, call);
  if (ofPage !== undefined) return ofPage;
  for (const options of patiences) {
    const found = await Promise.all(
      view.servers.map((server) => candidateOf(deps, call, server, options)),
    );
    const candidates = found.filter((one) => one !== undefined);
    if (candidates.length > 1) throw ambiguous(own, candidates);
    if (candidates[0] !== undefined) return candidates[0];
  }
  return undefined;
}

/** The tool of the server whose page was read last, of those that have it. */
async function candidateOfLastPage(
  deps: RouteDeps,
  call: PageCall,
): Promise<Candidate | undefined> {
  const { view, caller } = call;
  if (!isOneUser(caller)) return undefined;
  for (const name of deps.scopes.pageReaders(caller.scope, view.surface)) {
    const server = view.servers.find(({ config }) => config.name === name);
    if (server === undefined) continue;
    const part = await toolsOf(deps, call, server);
    // A server that cannot list its tools now may be the one that is called.
    if (part.error !== undefined) throw part.error;
    const candidate = toCandidate(deps, call, part);
    if (candidate !== undefined) return candidate;
    // The page means its own server's tool: what is withheld there is not called at another server.
    if (hasToolForPages(part, call.own)) throw unknownItem("tools", call.own);
  }
  return undefined;
}

/** Whether a server has a tool for its pages, offered or not. */
function hasToolForPages({ items }: Part, own: string): boolean {
  return items.some((item) => item["name"] === own && admitsApp(item));
}

/** The tools of a server whose page was read: those known, or else those that it lists. */
async function toolsOf(
  deps: RouteDeps,
  { caller }: PageCall,
  server: Server,
): Promise<Part> {
  const items = server.upstream.known("tools", caller) ?? lastListOf(deps, "tools", server, caller);
  if (items !== undefined) return { server, items };
  const known = await partOf(deps, "tools", server, caller, { patience: { kind: "memory" } });
  if (known.error === undefined) return known;
  return await partOf(deps, "tools", server, caller, { patience: { kind: "call" } });
}

/**
 * A list of a server: the one in memory, or else as far as it comes in time, or the last one that
 * came. So a server whose lists come late still counts as a candidate, and no call that may be meant
 * for it reaches another one.
 */
async function partOf(
  { catalog, latest }: RouteDeps,
  kind: ListKind,
  server: Server,
  caller: Caller,
  options: PartOptions,
): Promise<Part> {
  const { upstream } = server;
  const known = isWithheld(server, kind) ? undefined : upstream.known(kind, caller);
  const part = known === undefined
    ? await catalog.part(kind, server, caller, options)
    : { server, items: known };
  const lists = latest.get(upstream) ?? new Map<string, Part["items"]>();
  latest.set(upstream, lists);
  // What one principal's grant lists is no other one's.
  const owner = oauthOf(server.config)?.grant === "each" ? caller.principal.id : "";
  const key = JSON.stringify([kind, variantOf(caller), owner]);
  if (part.error === undefined) {
    putWithin(lists, key, part.items, defaultLimits.listVariantsMax);
  }
  const last = lists.get(key);
  return part.error === undefined || last === undefined ? part : { server, items: last };
}

async function candidateOf(
  deps: RouteDeps,
  call: PageCall,
  server: Server,
  options: PartOptions,
): Promise<Candidate | undefined> {
  const part = await partOf(deps, "tools", server, call.caller, options);
  const candidate = toCandidate(deps, call, part);
  if (candidate === undefined) return undefined;
  return await offersPage(deps, call, part, options) ? candidate : undefined;
}

/** The tool of that name in the tools of a server, if it is offered and pages may call it. */
function toCandidate(
  { catalog, access: { policy } }: RouteDeps,
  { view, own, caller }: PageCall,
  part: Part,
): Candidate | undefined {
  const { server } = part;
  const table = catalog.names(server, part.items, "tools", view.prefixed);
  const offered = table.toOffered(own);
  if (offered === undefined) return undefined;
  const item = table.find(offered)?.item;
  if (item === undefined || !admitsApp(item)) return undefined;
  const asked = { kind: "tools", own, hints: hintsOf(item) } as const;
  const answer = policy(caller.principal, server.config.name, asked);
  return answer === "deny" ? undefined : { server, own, offered, item };
}

/** Whether a server offers a page: in its tools, in its other lists, or in a result. */
async function offersPage(
  deps: RouteDeps,
  { caller }: PageCall,
  tools: Part,
  options: PartOptions,
): Promise<boolean> {
  const { server } = tools;
  const { catalog, scopes } = deps;
  if (catalog.pagesIn("tools", tools).size > 0) return true;
  const { seenUris } = scopes.of(caller.scope);
  for (const owner of seenUris.values()) {
    if (owner.server === server.config.name && isPageUri(owner.uri)) return true;
  }
  for (const kind of ["resources", "templates"] as const) {
    const part = await partOf(deps, kind, server, caller, options);
    if (catalog.pagesIn(kind, part).size > 0) return true;
  }
  return false;
}

function ambiguous(own: string, candidates: readonly Candidate[]): GatewayError {
  const names = candidates.map(({ offered }) => offered);
  return new GatewayError(
    "invalid_params",
    `Cannot tell which server's tool "${own}" is called: ` +
      `read the ui:// page that calls it first, or call one of ${
        names.map((name) => JSON.stringify(name)).join(", ")
      }`,
    { data: { candidates: names } },
  );
}
