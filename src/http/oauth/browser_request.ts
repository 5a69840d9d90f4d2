/**
 * One request of a browser to the gateway's pages: its token, who is logged in, and for a form that
 * it comes from a page of the gateway in the same browser. A form is refused unless its `Origin` is
 * the gateway's, and unless it carries the keyed digest of the browser's token, of its purpose and
 * of the request that it is about. What goes wrong is thrown as a page.
 */
import type { Clock } from "../../clock.ts";
import { type ErrorRow, errorTable } from "../../error_table.ts";
import { GatewayError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { makeBrowserToken } from "../../oauth/browser_logins.ts";
import type { People } from "../../oauth/people.ts";
import type {
  Person,
  WaitingAuthorization,
  WaitingAuthorizations,
} from "../../oauth/waiting_authorizations.ts";
import type { Sealer } from "../../seal.ts";
import type { ClientAddress } from "../client_address.ts";
import type { FormReader } from "../form_body.ts";
import { type BaseUrl, pathPrefix } from "../gateway_url.ts";
import { type Markup, markup } from "../markup.ts";
import type { OpenContext } from "../request_context.ts";
import { type HeaderPairs, toRetryAfter } from "../respond.ts";
import type { OpenEndpoint } from "../route_match.ts";
import { browserCookie, readBrowserToken } from "./browser_cookie.ts";
import { type Problem, problemPage } from "./page.ts";
import { openReturn } from "./return_path.ts";

/** What all pages need to know a browser and its forms. */
export interface BrowserParts {
  readonly people: People;
  readonly sealer: Pick<Sealer, "digest" | "encrypt" | "decrypt">;
}

/** What only the pages of the authorization server need. */
export interface PagesParts extends BrowserParts {
  readonly waiting: WaitingAuthorizations;
}

/** What all pages work on. */
export interface BrowserLayer extends BrowserParts {
  readonly baseUrl: BaseUrl;
  readonly clientAddress: ClientAddress;
  readonly readForm: FormReader;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** What the pages of the authorization server work on. */
export interface PagesLayer extends BrowserLayer {
  readonly waiting: WaitingAuthorizations;
}

/** What a form is for. */
export type FormPurpose = "log in" | "log out" | "use link" | "consent" | "connect";

/** A browser, as one request shows it. */
export interface Browser {
  /** The URL at which it knows the gateway. */
  readonly base: string;
  /** Its token, perhaps a new one. */
  readonly token: string;
  /** Who is logged in. */
  readonly person: Person | undefined;
  readonly remoteAddress: string | undefined;
  /** The headers that give a new token to the browser; empty if it has one. */
  readonly headers: HeaderPairs;
}

/** Something that ends a request with a page. */
export class PageProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.title);
    this.problem = problem;
  }
}

/** The same endpoint, whose refusals are pages. */
export function withPages(endpoint: OpenEndpoint): OpenEndpoint {
  return async (context) => {
    try {
      return await endpoint(context);
    } catch (thrown) {
      if (thrown instanceof PageProblem) return problemPage(thrown.problem);
      if (!(thrown instanceof GatewayError) || thrown.code === "internal") throw thrown;
      const { status, message, code } = thrown;
      const { retryAfterMs }: ErrorRow = errorTable[code];
      const headers = retryAfterMs === undefined ? {} : toRetryAfter(retryAfterMs);
      return problemPage({ status, title: "This did not work", text: message, headers });
    }
  };
}

/** The browser that sends a request. */
export async function readBrowser(
  { people, baseUrl, clientAddress, limits }: BrowserLayer,
  { request, fetchContext }: OpenContext,
): Promise<Browser> {
  const base = baseUrl(request, fetchContext);
  const known = readBrowserToken(request, base);
  const token = known ?? makeBrowserToken();
  const headers = known === undefined ? browserCookie(base, token, limits.browserLoginMs) : {};
  const remoteAddress = clientAddress(request, fetchContext);
  return { base, token, person: await people.browsers.find(known), remoteAddress, headers };
}

/** The browser after a log-in or log-out: with a new token, and its requests. */
export async function renewBrowser(
  { people, limits }: BrowserLayer,
  { token, base }: Browser,
  person: Person | undefined,
): Promise<HeaderPairs> {
  await people.browsers.logOut(token);
  const next = person === undefined ? makeBrowserToken() : await people.browsers.logIn(person);
  await people.requests.move(token, next);
  return browserCookie(base, next, limits.browserLoginMs);
}

/** The path of a page as the browser knows it; `request` is kept as the one parameter. */
export function pathTo({ base }: Pick<Browser, "base">, page: string, request = ""): string {
  const query = request === "" ? "" : `?request=${encodeURIComponent(request)}`;
  return `${pathPrefix(base)}/oauth/${page}${query}`;
}

/** The hidden fields of a form. */
export async function formFields(
  layer: BrowserLayer,
  browser: Browser,
  purpose: FormPurpose,
  request = "",
): Promise<Markup> {
  const proof = await proofOf(layer, browser, purpose, request);
  return markup`<input type="hidden" name="proof" value="${proof}">
<input type="hidden" name="request" value="${request}">`;
}

function proofOf(
  { sealer }: BrowserLayer,
  { token }: Browser,
  purpose: FormPurpose,
  request: string,
): Promise<string> {
  return sealer.digest(JSON.stringify(["form", purpose, token, request]));
}

/** A form that was sent, and its browser. */
export interface SentForm {
  readonly browser: Browser;
  readonly form: URLSearchParams;
  /** What it is about, such as the id of a waiting authorization; "": nothing. */
  readonly request: string;
}

/** Reads a form. Throws a PageProblem unless the gateway made it for this browser and purpose. */
export async function takeForm(
  layer: BrowserLayer,
  context: OpenContext,
  purpose: FormPurpose,
): Promise<SentForm> {
  // Read in any case, so that the connection can be used again; and read first, since the log-in
  // may end while a body arrives.
  const form = await layer.readForm(context.request);
  const browser = await readBrowser(layer, context);
  const { headers } = context.request;
  const origin = headers.get("origin");
  const site = headers.get("sec-fetch-site");
  const isOwn = (origin === null || origin === new URL(browser.base).origin) &&
    (site === null || site === "same-origin");
  const request = form.get("request") ?? "";
  const expected = await proofOf(layer, browser, purpose, request);
  const shown = form.get("proof") ?? "";
  // Digests are compared, so timing reveals nothing.
  const isProven = await layer.sealer.digest(shown) === await layer.sealer.digest(expected);
  if (isOwn && isProven) return { browser, form, request };
  throw new PageProblem({
    status: 403,
    title: "This page is out of date",
    text: "The form was not made by this gateway for this browser, or you logged in or out since " +
      "it was opened. Go back to your client and connect again. Cookies must be allowed.",
  });
}

/** The request with this id. Throws a PageProblem if it is gone or another browser's. */
export async function waitingFor(
  { people, waiting }: PagesLayer,
  { token }: Browser,
  id: string,
): Promise<WaitingAuthorization> {
  const found = await waiting.find(id);
  if (found === undefined) {
    await people.requests.forget(id);
    throw goneRequest();
  }
  if (await people.requests.take(id, token)) return found;
  throw new PageProblem({
    status: 403,
    title: "This request belongs to another browser",
    text: "A client opened it in another browser, or this one does not keep cookies. Go back to " +
      "your client and connect again.",
  });
}

/**
 * The path at which a browser goes on when its person is logged in: that of a page which asked for
 * the log-in, or of a request that waits. Undefined: none. Throws a PageProblem if it is gone.
 */
export async function nextPath(
  layer: PagesLayer,
  browser: Browser,
  request: string,
): Promise<string | undefined> {
  if (request === "") return undefined;
  const path = await openReturn(layer, browser.token, request);
  if (path !== undefined) return path;
  await waitingFor(layer, browser, request);
  return pathTo(browser, "consent", request);
}

/** The same if it is still there. */
export async function findNextPath(
  layer: PagesLayer,
  browser: Browser,
  request: string,
): Promise<string | undefined> {
  const path = await openReturn(layer, browser.token, request);
  if (path !== undefined) return path;
  return await layer.waiting.find(request) && pathTo(browser, "consent", request);
}

/** The page about a request that no longer waits. */
export function goneRequest(): PageProblem {
  return new PageProblem({
    status: 410,
    title: "This request is no longer waiting",
    text:
      "It was answered, it expired, or the gateway restarted meanwhile. Go back to your client " +
      "and connect again.",
  });
}
