/**
 * The callback of the gateway's own log-ins: every authorization server of a protected server sends
 * the browser here. It ends on a page of the gateway, whatever the request says.
 */
import type { FinishedLogin } from "../../grants/server_grants.ts";
import { type Markup, markup } from "../markup.ts";
import type { OpenContext } from "../request_context.ts";
import { type Browser, PageProblem, readBrowser } from "./browser_request.ts";
import type { ConnectLayer } from "./connect_access.ts";
import { atIssuer, toBrowserId, toHost, toWhom } from "./connect_page.ts";
import { pageResponse } from "./page.ts";
import { toOwnPath } from "./return_path.ts";
import { toShownText } from "./shown_text.ts";

/** The query has a code, which no other page needs to know. */
const headers = { "referrer-policy": "no-referrer" };

/** `GET /oauth/callback`: ends the log-in, and shows what was granted. */
export async function showCallback(layer: ConnectLayer, context: OpenContext): Promise<Response> {
  const browser = await readBrowser(layer, context);
  const { search, searchParams: params } = new URL(context.request.url);
  if (search.length > layer.limits.callbackCharsMax || params.getAll("state").length !== 1) {
    throw new PageProblem({
      status: 400,
      title: "No log-in was begun here",
      text:
        "The request lacks what the gateway gave to the authorization server. Go back to your " +
        "client and begin again.",
      headers,
    });
  }
  const answer = { params, browser: await toBrowserId(layer, browser) };
  const problem = { status: 400, title: "The log-in failed" };
  const finished = await atIssuer(
    layer,
    problem,
    (signal) => layer.grants.finish(answer, signal),
  );
  return finishedPage(layer, browser, finished);
}

function finishedPage(layer: ConnectLayer, browser: Browser, login: FinishedLogin): Response {
  const { limits } = layer;
  const name = toShownText(login.server, limits.pageNameCharsMax);
  const server = layer.protectedServers().find((one) => one.name === login.server);
  const next = toOwnPath(login.returnTo, browser.base, limits.pageUrlCharsMax);
  const address = server &&
    markup`<dt>Address</dt><dd><bdi>${toHost(server.url, limits)}</bdi></dd>`;
  return pageResponse({
    title: `Logged in at ${name}`,
    headers,
    ...(next === undefined ? {} : { next, nextSeconds: readingSeconds }),
    body: markup`<dl>
<dt>Server</dt><dd><strong><bdi>${name}</bdi></strong></dd>
${address}
<dt>For</dt><dd><bdi>${toWhom(login.principal, limits)}</bdi></dd>
<dt>Granted by</dt><dd><bdi>${toHost(login.issuer, limits)}</bdi></dd>
</dl>
${scopeList(layer, login.scopes)}
${
      next === undefined
        ? markup`<p>You can close this page, and go on in your client.</p>`
        : markup`<p><a class="button main" href="${next}">Continue</a></p>`
    }`,
  });
}

/** How long the page stays before the browser goes on by itself. */
const readingSeconds = 5;

function scopeList({ limits }: ConnectLayer, scopes: readonly string[]): Markup {
  if (scopes.length === 0) return markup`<p>It named no particular scopes.</p>`;
  const shown = scopes.slice(0, limits.pageScopesMax);
  const items = shown.map((scope) =>
    markup`<li><code>${toShownText(scope, limits.pageNameCharsMax)}</code></li>`
  );
  const more = scopes.length - shown.length;
  return markup`<p>It granted:</p>
<ul>${items}${more > 0 && markup`<li>and ${more} more</li>`}</ul>`;
}
