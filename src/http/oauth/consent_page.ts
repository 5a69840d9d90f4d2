/**
 * The page on which a person allows a client to use the gateway, or refuses. All that a client says
 * of itself is shown as text: no link, no image, no markup. What proves nothing is marked as such.
 */
import { isLoopback } from "../../config/loopback.ts";
import { allScope, offlineScope, serverPrefix } from "../../oauth/scopes.ts";
import type {
  OAuthClientKind,
  WaitingAuthorization,
  WaitingClient,
} from "../../oauth/waiting_authorizations.ts";
import { type Markup, markup, type MarkupValue } from "../markup.ts";
import type { OpenContext } from "../request_context.ts";
import {
  formFields,
  goneRequest,
  PageProblem,
  type PagesLayer,
  pathTo,
  readBrowser,
  takeForm,
  waitingFor,
} from "./browser_request.ts";
import { logoutForm } from "./login_pages.ts";
import { pageResponse, seeOther } from "./page.ts";
import { imitates, toShownText } from "./shown_text.ts";

/** `GET /oauth/consent`: who asks for what. A person who is not logged in logs in first. */
export async function showConsent(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const browser = await readBrowser(layer, context);
  const id = new URL(context.request.url).searchParams.get("request") ?? "";
  const waiting = await waitingFor(layer, browser, id);
  if (browser.person === undefined) return seeOther(pathTo(browser, "login", id), browser.headers);
  const [fields, logout] = await Promise.all([
    formFields(layer, browser, "consent", id),
    logoutForm(layer, browser, "Use another account", id),
  ]);
  const texts = createTexts(layer);
  const { client } = waiting;
  const name = texts.name(client);
  const person = texts.short(browser.person.name);
  const warnings = warningsFor(waiting, texts).map((text) => markup`<p class="warn">${text}</p>`);
  const rows = [
    toRow("Client", markup`<strong><bdi>${name}</bdi></strong> ${vouchers[client.kind]}`),
    ...placesOf(waiting, texts),
    toRow("Gateway", markup`<bdi>${texts.long(`${browser.base}${waiting.surface ?? ""}`)}</bdi>`),
  ];
  const scopes = waiting.scopes.map((scope) => markup`<li>${toScopeWords(scope, texts)}</li>`);
  return pageResponse({
    title: `Allow ${name} to use this gateway?`,
    headers: browser.headers,
    body: markup`${warnings}
<dl>${rows}</dl>
<p>It may act for you here:</p>
<ul>${scopes}</ul>
<form method="post" action="${pathTo(browser, "consent")}">
${fields}
<div class="row">
<button class="main" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</div>
</form>
<div class="soft">You are logged in as <strong><bdi>${person}</bdi></strong>. ${logout}</div>`,
  });
}

/** `POST /oauth/consent`: the decision. The browser goes on to the client in both cases. */
export async function takeConsent(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const { browser, form, request } = await takeForm(layer, context, "consent");
  const { person } = browser;
  const waiting = await waitingFor(layer, browser, request);
  // The log-in may have ended since the page was shown.
  if (person === undefined) return seeOther(pathTo(browser, "login", request));
  const decision = form.get("decision");
  if (decision !== "allow" && decision !== "deny") throw noDecision();
  const next = decision === "allow"
    ? await layer.waiting.approve(request, person, waiting.scopes)
    : await layer.waiting.refuse(request);
  await layer.people.requests.forget(request);
  if (next === undefined) throw goneRequest();
  return leave(next, createTexts(layer).name(waiting.client));
}

/** Schemes that run or show something in the browser itself. */
const ownSchemes = /^(?:javascript|data|vbscript|blob|file|filesystem|about|view-source):/i;

/** The page that sends the browser to the client. */
function leave(next: string, name: string): Response {
  const { href } = new URL(next);
  if (ownSchemes.test(href)) throw new Error("Cannot redirect a browser to a scheme of its own");
  return pageResponse({
    title: `Going back to ${name}`,
    next: href,
    body: markup`<p>You can close this page when <bdi>${name}</bdi> has opened.</p>
<p><a class="button main" rel="noreferrer" href="${href}">Continue</a></p>`,
  });
}

function noDecision(): PageProblem {
  return new PageProblem({
    status: 400,
    title: "No decision was sent",
    text: "Go back and choose Allow or Deny.",
  });
}

/** How the words of clients are shown. */
interface Texts {
  short(text: string): string;
  long(text: string): string;
  /** What a client is called; a client without a name by its id. */
  name(client: WaitingClient): string;
}

function createTexts({ limits }: PagesLayer): Texts {
  const short = (text: string) => toShownText(text, limits.pageNameCharsMax);
  return {
    short,
    long: (text) => toShownText(text, limits.pageUrlCharsMax),
    name: ({ name = "", id }) => short(name) || short(id),
  };
}

const vouchers: Readonly<Record<OAuthClientKind, string>> = {
  static: "(configured by the operator of this gateway)",
  document: "",
  registration: "(this name is its own claim; nothing proves it)",
};

function toRow(term: string, description: MarkupValue): Markup {
  return markup`<dt>${term}</dt><dd>${description}</dd>`;
}

/** Where the client says that it comes from, and where the browser goes afterwards. */
function placesOf({ client, redirectUri }: WaitingAuthorization, texts: Texts): Markup[] {
  const { host } = client;
  const home = hostOf(client.uri);
  const toPlace = (term: string, text: string) =>
    toRow(term, markup`<bdi>${texts.long(text)}</bdi>`);
  return [
    ...(host === undefined ? [] : [toPlace("Published by", host)]),
    ...(home === undefined || home === host ? [] : [toPlace("Its website, as it says", home)]),
    toPlace("Goes back to", targetOf(redirectUri).words),
  ];
}

/** The host of a web address; undefined for anything else. */
function hostOf(uri: string | undefined): string | undefined {
  if (uri === undefined || !URL.canParse(uri)) return undefined;
  const { protocol, host } = new URL(uri);
  return protocol === "https:" || protocol === "http:" ? host : undefined;
}

/** Where a redirect leads. */
function targetOf(redirectUri: string) {
  const { protocol, host, hostname } = new URL(redirectUri);
  if (protocol !== "https:" && protocol !== "http:") {
    return { kind: "program", words: `a program on this device (${protocol})`, host: undefined };
  }
  return isLoopback(hostname)
    ? { kind: "loopback", words: `this computer (${host})`, host: undefined }
    : { kind: "web", words: host, host: hostname };
}

function warningsFor({ client, redirectUri }: WaitingAuthorization, texts: Texts): string[] {
  const target = targetOf(redirectUri);
  const { host = target.host, kind } = client;
  const isStranger = kind !== "static" && imitates(client.name ?? "", host);
  return [
    ...(isStranger
      ? [
        host === undefined
          ? "The name mixes letters of several scripts that look alike. It may imitate another."
          : `The name is that of a well-known client, but it comes from ${texts.long(host)}.`,
      ]
      : []),
    ...(target.kind === "web" ? [] : [
      "The answer goes to a program on this device, and any program here could have asked for " +
      "it. Allow it only if you have just started connecting this client yourself.",
    ]),
    ...(target.host !== undefined && client.host !== undefined && target.host !== client.host
      ? [`The answer goes to ${texts.long(target.host)}, not to ${texts.long(client.host)}.`]
      : []),
  ];
}

function toScopeWords(scope: string, texts: Texts): Markup {
  if (scope === allScope) return markup`use all servers and tools that you may use`;
  if (scope === offlineScope) {
    return markup`stay connected until you or the operator of this gateway ends it`;
  }
  return scope.startsWith(serverPrefix)
    ? markup`use the server <bdi>${texts.short(scope.slice(serverPrefix.length))}</bdi>`
    : markup`<code>${texts.short(scope)}</code>`;
}
