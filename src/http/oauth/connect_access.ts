/**
 * Who may log in at a protected server on the gateway's page, and for whom: by a link for its
 * principal, otherwise the person who is logged in in the browser, or the operator where clients do
 * not authenticate. A link that reaches another person must not give that person's rights away.
 */
import type { LoginLinks } from "../../grants/login_links.ts";
import type { ProtectedServer, ServerGrants } from "../../grants/server_grants.ts";
import { type Principal, sharedPrincipal } from "../../model.ts";
import type { Person } from "../../oauth/waiting_authorizations.ts";
import { userPrincipal } from "../../principals.ts";
import {
  type Browser,
  type BrowserLayer,
  type BrowserParts,
  PageProblem,
} from "./browser_request.ts";
import { toShownText } from "./shown_text.ts";

/** What only these pages need. */
export interface ConnectParts extends BrowserParts {
  readonly grants: Pick<ServerGrants, "begin" | "finish">;
  readonly links: Pick<LoginLinks, "find" | "use">;
  /** The servers of the configuration at which the gateway may log in. */
  readonly protectedServers: () => readonly ProtectedServer[];
}

/** What these pages work on. */
export interface ConnectLayer extends BrowserLayer, ConnectParts {
  /** Whether a principal may know a server. */
  readonly isVisible: (principal: Principal, server: string) => boolean;
  /** Whether clients authenticate. */
  readonly authenticates: boolean;
  /** Whether people log in at the gateway: the kind `oauth` is in use. */
  readonly hasLogins: boolean;
}

/** What a browser asks for. */
export interface ConnectRequest {
  /** The name of the server, as the path has it. */
  readonly server: string;
  /** The token of a link; "": none. */
  readonly link: string;
}

/** What a browser may do. */
export type ConnectAccess =
  | { readonly state: "allowed"; readonly server: ProtectedServer; readonly principal: string }
  /** Its person logs in at the gateway first. */
  | { readonly state: "unknown person" }
  /** The link is for another principal than this person. */
  | { readonly state: "another person"; readonly person: Person };

/** Decides; throws a PageProblem if the browser can do nothing about it. */
export async function decideConnect(
  layer: ConnectLayer,
  browser: Browser,
  request: ConnectRequest,
): Promise<ConnectAccess> {
  return request.link === ""
    ? decideWithoutLink(layer, browser, request)
    : await decideByLink(layer, browser, request);
}

async function decideByLink(
  layer: ConnectLayer,
  { person }: Browser,
  { server: name, link: token }: ConnectRequest,
): Promise<ConnectAccess> {
  const link = await layer.links.find(token);
  if (link === undefined || link.server !== name) throw unusableLink();
  const { principal } = link;
  const isShared = principal === sharedPrincipal.id;
  if (!isShared && person !== undefined && userPrincipal(person.name) !== principal) {
    return { state: "another person", person };
  }
  const isPerson = principal.startsWith(userPrincipal(""));
  if (layer.hasLogins && isPerson && person === undefined) return { state: "unknown person" };
  const server = findServer(layer, name, isShared ? undefined : person);
  // The configuration has changed since the link was made.
  if (isShared !== (server.oauth.grant === "shared")) throw unusableLink();
  return { state: "allowed", server, principal };
}

function decideWithoutLink(
  layer: ConnectLayer,
  { person }: Browser,
  { server: name }: ConnectRequest,
): ConnectAccess {
  if (!layer.authenticates) {
    const server = findServer(layer, name);
    return { state: "allowed", server, principal: sharedPrincipal.id };
  }
  if (!layer.hasLogins) throw linkNeeded();
  // Before the name is looked up: only people who are logged in learn which servers exist.
  if (person === undefined) return { state: "unknown person" };
  const server = findServer(layer, name, person);
  if (server.oauth.grant === "shared") throw onlyOperator(layer, name);
  return { state: "allowed", server, principal: userPrincipal(person.name) };
}

/** The server, if this person may know it. */
function findServer(layer: ConnectLayer, name: string, person?: Person): ProtectedServer {
  const server = layer.protectedServers().find((one) => one.name === name);
  const isVisible = person === undefined || layer.isVisible(toPrincipal(person), name);
  if (server === undefined || !isVisible) throw unknownServer(layer, name);
  const { problem } = server.oauth;
  if (problem === undefined) return server;
  throw new PageProblem({
    status: 403,
    title: "This server cannot be logged in to",
    text: `Server "${toShownText(name, layer.limits.pageNameCharsMax)}" ${problem}`,
  });
}

function toPrincipal({ name, roles, groups }: Person): Principal {
  return { id: userPrincipal(name), kind: "oauth", roles, groups };
}

/** The page about a link that is of no use any more. */
export function unusableLink(): PageProblem {
  return new PageProblem({
    status: 410,
    title: "This link cannot be used",
    text:
      "It was used, it is older than ten minutes, or the gateway restarted meanwhile. Go back " +
      "to your client and use the server again: the client gets a new link.",
  });
}

function linkNeeded(): PageProblem {
  return new PageProblem({
    status: 403,
    title: "A link is needed",
    text: "Go back to your client and use the server: the client gets a link for you. The " +
      "operator gets one with: mcp-wrapper auth login NAME --principal ID (without --principal " +
      "where one log-in serves all clients)",
  });
}

function onlyOperator({ limits }: ConnectLayer, name: string): PageProblem {
  const shown = toShownText(name, limits.pageNameCharsMax);
  return new PageProblem({
    status: 403,
    title: "The operator logs in at this server",
    text: `One log-in at "${shown}" serves all clients of this gateway. The operator makes ` +
      `it with: mcp-wrapper auth login ${shown}`,
  });
}

function unknownServer({ limits }: ConnectLayer, name: string): PageProblem {
  return new PageProblem({
    status: 404,
    title: "There is no such server",
    text: `This gateway has no server "${
      toShownText(name, limits.pageNameCharsMax)
    }" at which you could log in.`,
  });
}
