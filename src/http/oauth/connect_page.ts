/**
 * The page on which a person lets the gateway log in at a protected server. Opening it does nothing,
 * because programs that look at links open them, too: only its form uses a link up. Not here: who
 * may (connect_access.ts), and the way back (connect_callback.ts).
 */
import { withDeadline } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import { callbackPath, connectPath } from "../../grants/login_place.ts";
import { sharedPrincipal } from "../../model.ts";
import type { Person } from "../../oauth/waiting_authorizations.ts";
import { clientPrincipal, keyPrincipal, userPrincipal } from "../../principals.ts";
import type { Limits } from "../../limits.ts";
import { markup } from "../markup.ts";
import type { OpenContext } from "../request_context.ts";
import { decodeName } from "../route_match.ts";
import {
  type Browser,
  formFields,
  PageProblem,
  pathTo,
  readBrowser,
  takeForm,
} from "./browser_request.ts";
import {
  type ConnectAccess,
  type ConnectLayer,
  type ConnectRequest,
  decideConnect,
  unusableLink,
} from "./connect_access.ts";
import { logoutForm } from "./login_pages.ts";
import { pageResponse, seeOther } from "./page.ts";
import { sealReturn, toOwnPath } from "./return_path.ts";
import { toShownText } from "./shown_text.ts";

/** A request to the page, and where its person goes on afterwards. */
interface ShownConnect extends ConnectRequest {
  /** A path of the gateway; "": none. */
  readonly returnTo: string;
}

/** `GET /oauth/connect/{server}`: at which server, for whom, and whether to go on. */
export async function showConnect(layer: ConnectLayer, context: OpenContext): Promise<Response> {
  const browser = await readBrowser(layer, context);
  const { searchParams } = new URL(context.request.url);
  const asked: ShownConnect = {
    server: serverIn(context),
    link: searchParams.get("link") ?? "",
    returnTo: toReturn(layer, browser, searchParams.get("returnTo")),
  };
  const access = await decideConnect(layer, browser, asked);
  return access.state === "allowed"
    ? await askPage(layer, browser, asked, access)
    : await refuse(layer, browser, asked, access);
}

/** `POST /oauth/connect/{server}`: sends the browser to the server's issuer. */
export async function takeConnect(layer: ConnectLayer, context: OpenContext): Promise<Response> {
  const { browser, form, request: link } = await takeForm(layer, context, "connect");
  const returnTo = toReturn(layer, browser, form.get("returnTo"));
  const asked: ShownConnect = { server: serverIn(context), link, returnTo };
  const access = await decideConnect(layer, browser, asked);
  if (access.state !== "allowed") return await refuse(layer, browser, asked, access);
  // Of two forms with one link only the first goes on.
  if (link !== "" && await layer.links.use(link) === undefined) throw unusableLink();
  const { server, principal } = access;
  const browserId = await toBrowserId(layer, browser);
  const title = "The log-in could not begin";
  const { url } = await atIssuer(layer, { status: 502, title }, (signal) =>
    layer.grants.begin({
      server: server.name,
      principal,
      redirectUri: `${browser.base}${callbackPath}`,
      browser: browserId,
      ...(returnTo === "" ? {} : { returnTo }),
    }, signal));
  return leave(layer, url, server.name);
}

/** The name of the server in the path of a request. */
function serverIn({ path }: OpenContext): string {
  return decodeName(path.slice(path.lastIndexOf("/") + 1));
}

function toReturn({ limits }: ConnectLayer, { base }: Browser, text: string | null): string {
  const isOwn = toOwnPath(text, base, limits.pageUrlCharsMax) !== undefined;
  return isOwn && text !== null ? text : "";
}

/** What stands for a browser in a log-in: not its token, with which another could use the pages. */
export function toBrowserId({ sealer }: ConnectLayer, { token }: Browser): Promise<string> {
  return sealer.digest(JSON.stringify(["server log-in", token]));
}

/** The same result in time; a failure that has words for the person becomes a page. */
export async function atIssuer<Value>(
  { clock, limits }: ConnectLayer,
  problem: { readonly status: number; readonly title: string },
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const cutter = new AbortController();
  const toProblem = (text: string) =>
    new PageProblem({
      ...problem,
      text: toShownText(text, limits.pageTextCharsMax),
      headers: { "referrer-policy": "no-referrer" },
    });
  try {
    return await withDeadline(clock, limits.serverLoginWaitMs, work(cutter.signal), () => {
      cutter.abort();
      throw toProblem("The authorization server did not answer in time. Begin again.");
    });
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code === "internal") throw thrown;
    throw toProblem(thrown.message);
  }
}

async function askPage(
  layer: ConnectLayer,
  browser: Browser,
  { link, returnTo }: ShownConnect,
  { server, principal }: Extract<ConnectAccess, { readonly state: "allowed" }>,
): Promise<Response> {
  const { limits } = layer;
  const fields = await formFields(layer, browser, "connect", link);
  const name = toShownText(server.name, limits.pageNameCharsMax);
  const isShared = principal === sharedPrincipal.id;
  const whom = toWhom(principal, limits);
  return pageResponse({
    title: `Log in at ${name}?`,
    headers: browser.headers,
    body: markup`<dl>
<dt>Server</dt><dd><strong><bdi>${name}</bdi></strong></dd>
<dt>Address</dt><dd><bdi>${toHost(server.url, limits)}</bdi></dd>
<dt>For</dt><dd><bdi>${whom}</bdi></dd>
<dt>Gateway</dt><dd><bdi>${toShownText(browser.base, limits.pageUrlCharsMax)}</bdi></dd>
</dl>
<p class="warn">Continue only if you asked for this yourself just now. ${
      isShared
        ? "All clients of this gateway then act at the server with the account that you log in with."
        : markup`The gateway then acts at the server with the account that you log in with, for <bdi>${whom}</bdi>.`
    }</p>
<form method="post" action="${pathOf(browser, server.name)}">
${fields}
<input type="hidden" name="returnTo" value="${returnTo}">
<div class="row"><button class="main" type="submit">Continue</button></div>
</form>`,
  });
}

/** What a browser does that may not go on yet. */
async function refuse(
  layer: ConnectLayer,
  browser: Browser,
  asked: ShownConnect,
  access: Exclude<ConnectAccess, { readonly state: "allowed" }>,
): Promise<Response> {
  const query = new URLSearchParams();
  if (asked.link !== "") query.set("link", asked.link);
  if (asked.returnTo !== "") query.set("returnTo", asked.returnTo);
  const page = pathOf(browser, asked.server);
  const path = query.size === 0 ? page : `${page}?${query}`;
  const request = await sealReturn(layer, browser.token, path);
  if (access.state === "unknown person") {
    return seeOther(pathTo(browser, "login", request), browser.headers);
  }
  return await anotherPage(layer, browser, access.person, request);
}

async function anotherPage(
  layer: ConnectLayer,
  browser: Browser,
  { name }: Person,
  request: string,
): Promise<Response> {
  const logout = await logoutForm(layer, browser, "Use another account", request);
  const shown = toShownText(name, layer.limits.pageNameCharsMax);
  return pageResponse({
    status: 403,
    title: "This link is not for you",
    headers: browser.headers,
    body:
      markup`<p role="alert">You are logged in as <strong><bdi>${shown}</bdi></strong>, and the link
was made for another person or program. If another person sent it to you, close this page.</p>
<p>${logout}</p>`,
  });
}

/** The path of the page of a server, as the browser knows it. */
function pathOf(browser: Browser, server: string): string {
  return pathTo(browser, `${connectPath.replace("/oauth/", "")}/${encodeURIComponent(server)}`);
}

/** The page that sends the browser to the issuer. */
function leave({ limits }: ConnectLayer, url: string, server: string): Response {
  const name = toShownText(server, limits.pageNameCharsMax);
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target?.protocol !== "https:" && target?.protocol !== "http:") {
    throw new PageProblem({
      status: 502,
      title: "The log-in could not begin",
      text: `The authorization server of "${name}" has no page to log in.`,
    });
  }
  return pageResponse({
    title: `Going to the log-in of ${name}`,
    next: target.href,
    body: markup`<p>The log-in is at <strong><bdi>${
      toShownText(target.host, limits.pageUrlCharsMax)
    }</bdi></strong>.</p>
<p><a class="button main" rel="noreferrer" href="${target.href}">Continue</a></p>`,
  });
}

/** The host of a URL, as a page shows it. */
export function toHost(url: string, limits: Pick<Limits, "pageUrlCharsMax">): string {
  return toShownText(URL.canParse(url) ? new URL(url).host : url, limits.pageUrlCharsMax);
}

/** What the kinds of principals are called. */
const kinds: readonly (readonly [start: string, words: string])[] = [
  [userPrincipal(""), ""],
  [keyPrincipal(""), "the key "],
  [clientPrincipal(""), "the client "],
];

/** For whom a log-in is, as a page shows it. */
export function toWhom(principal: string, limits: Pick<Limits, "pageUrlCharsMax">): string {
  if (principal === sharedPrincipal.id) return "all clients of this gateway";
  const [start, words] = kinds.find(([one]) => principal.startsWith(one)) ?? ["", ""];
  return toShownText(`${words}${principal.slice(start.length)}`, limits.pageUrlCharsMax);
}
