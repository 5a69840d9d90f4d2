/**
 * The pages on which a person logs in and out: with a password, or with a one-time link, whose page
 * asks before the link is used up, because programs that look at links open them, too.
 */
import type { LoginOutcome } from "../../oauth/login_attempts.ts";
import type { Person } from "../../oauth/waiting_authorizations.ts";
import { type Markup, markup, type MarkupValue } from "../markup.ts";
import type { OpenContext } from "../request_context.ts";
import { toRetryAfter, toSeconds } from "../respond.ts";
import {
  type Browser,
  type BrowserLayer,
  findNextPath,
  formFields,
  nextPath,
  type PagesLayer,
  pathTo,
  readBrowser,
  renewBrowser,
  takeForm,
} from "./browser_request.ts";
import { pageResponse, seeOther } from "./page.ts";
import { openReturn } from "./return_path.ts";
import { toShownText } from "./shown_text.ts";

/** `GET /oauth/login`: the form, or who is logged in. */
export async function showLogin(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const browser = await readBrowser(layer, context);
  const request = new URL(context.request.url).searchParams.get("request") ?? "";
  const next = await nextPath(layer, browser, request);
  if (browser.person === undefined) return await loginPage(layer, browser, request);
  if (next !== undefined) return seeOther(next);
  return await loggedInPage(layer, browser, browser.person);
}

/** `POST /oauth/login`: a name and a password. */
export async function takeLogin(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const { browser, form, request } = await takeForm(layer, context, "log in");
  const next = await nextPath(layer, browser, request);
  const name = form.get("name") ?? "";
  const outcome = await layer.people.logins.withPassword(
    name,
    form.get("password") ?? "",
    browser,
  );
  if (outcome.state === "person") return await enter(layer, browser, outcome.person, next);
  return await loginPage(layer, browser, request, { outcome, name });
}

/** `GET /oauth/login/link`: asks whether to use the link. */
export async function showLink(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const browser = await readBrowser(layer, context);
  const { searchParams } = new URL(context.request.url);
  const name = searchParams.get("user") ?? "";
  const fields = await formFields(layer, browser, "use link");
  return pageResponse({
    title: "Log in with this link?",
    headers: browser.headers,
    body: markup`<p>This link logs you in once as <strong><bdi>${
      shown(layer, name)
    }</bdi></strong>.</p>
<form method="post" action="${pathTo(browser, "login/link")}">
${fields}
<input type="hidden" name="user" value="${name}">
<input type="hidden" name="token" value="${searchParams.get("token") ?? ""}">
<div class="row"><button class="main" type="submit">Log in</button></div>
</form>`,
  });
}

/** `POST /oauth/login/link`: uses the link. */
export async function takeLink(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const { browser, form } = await takeForm(layer, context, "use link");
  const outcome = await layer.people.logins.withLink(
    form.get("user") ?? "",
    form.get("token") ?? "",
    browser,
  );
  if (outcome.state === "person") {
    const request = await layer.people.requests.newest(browser.token) ?? "";
    const next = await findNextPath(layer, browser, request);
    return await enter(layer, browser, outcome.person, next);
  }
  const text = outcome.state === "wait"
    ? toWaitWords(outcome.waitMs)
    : "This link was used, is too old, or was replaced by a newer one. Ask for another.";
  return pageResponse({
    title: "This link cannot be used",
    ...refusal(outcome),
    body: markup`<p role="alert">${text}</p>`,
  });
}

/** `POST /oauth/logout`: the browser gets a new token, and may log in again. */
export async function takeLogout(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const { browser, request } = await takeForm(layer, context, "log out");
  // The page that needs another person asks for the log-in again.
  const path = await openReturn(layer, browser.token, request);
  const headers = await renewBrowser(layer, browser, undefined);
  const isWaiting = await layer.waiting.find(request) !== undefined;
  return seeOther(path ?? pathTo(browser, "login", isWaiting ? request : ""), headers);
}

/** Logs a person in, in a browser that has proven to be theirs, which goes on at `next`. */
export async function enter(
  layer: PagesLayer,
  browser: Browser,
  person: Person,
  next: string | undefined,
): Promise<Response> {
  const headers = await renewBrowser(layer, browser, person);
  return seeOther(next ?? pathTo(browser, "login"), headers);
}

/** The button that logs out. */
export async function logoutForm(
  layer: BrowserLayer,
  browser: Browser,
  words: string,
  request = "",
): Promise<Markup> {
  const fields = await formFields(layer, browser, "log out", request);
  return markup`<form class="line" method="post" action="${pathTo(browser, "logout")}">${fields}
<button class="link" type="submit">${words}</button></form>`;
}

async function loggedInPage(layer: PagesLayer, browser: Browser, person: Person) {
  const logout = await logoutForm(layer, browser, "Log out");
  return pageResponse({
    title: "You are logged in",
    headers: browser.headers,
    body: markup`<p>This browser is logged in as <strong><bdi>${
      shown(layer, person.name)
    }</bdi></strong>.
Go back to your client and connect.</p>
${logout}`,
  });
}

/** What was refused before. */
interface Refused {
  readonly outcome: Exclude<LoginOutcome, { readonly state: "person" }>;
  readonly name: string;
}

async function loginPage(
  layer: PagesLayer,
  browser: Browser,
  request: string,
  refused?: Refused,
): Promise<Response> {
  const fields = await formFields(layer, browser, "log in", request);
  // With a provider and without users of its own, a gateway needs no form for passwords.
  const { openid, users } = layer.people;
  const hasForm = openid === undefined || !await users.isEmpty();
  const problem = refused &&
    (refused.outcome.state === "wait"
      ? toWaitWords(refused.outcome.waitMs)
      : "The name or the password is wrong.");
  return pageResponse({
    // A person who follows the link of a server sees the log-in of the server's issuer next.
    title: "Log in at the gateway",
    ...(refused && refusal(refused.outcome)),
    headers: { ...(refused && refusal(refused.outcome).headers), ...browser.headers },
    body: markup`${problem !== undefined && markup`<p class="bad" role="alert">${problem}</p>`}
${openIdLink(layer, browser, request)}
${hasForm && passwordForm(browser, fields, refused?.name ?? "")}`,
  });
}

/** The way to the OpenID provider, if there is one. */
function openIdLink(
  { people: { openid }, limits }: PagesLayer,
  browser: Browser,
  request: string,
): MarkupValue {
  if (openid === undefined) return undefined;
  const name = toShownText(openid.name, limits.pageNameCharsMax);
  const path = pathTo(browser, "login/openid", request);
  return markup`<p><a class="button main" href="${path}">Log in with ${name}</a></p>`;
}

function passwordForm(browser: Browser, fields: Markup, name: string): Markup {
  return markup`<form method="post" action="${pathTo(browser, "login")}">
${fields}
<label for="name">Name</label>
<input id="name" name="name" type="text" value="${name}" required autocomplete="username" autocapitalize="none" spellcheck="false" autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<div class="row"><button class="main" type="submit">Log in</button></div>
</form>
<p class="soft">No password? Ask the operator for a log-in link, and open it in this browser.</p>`;
}

/** Status and headers of a refusal. */
function refusal(outcome: Refused["outcome"]) {
  return outcome.state === "wait"
    ? { status: 429, headers: toRetryAfter(outcome.waitMs) }
    : { status: 403, headers: {} };
}

/** The words for a person who must wait. */
export function toWaitWords(ms: number): string {
  const seconds = toSeconds(ms);
  return `There were too many attempts. Try again in ${seconds} second${seconds === 1 ? "" : "s"}.`;
}

function shown({ limits }: PagesLayer, name: string): string {
  return toShownText(name, limits.pageNameCharsMax);
}
