/** The way to the OpenID provider and back. */
import type { OpenIdLogin } from "../../oauth/openid_login.ts";
import { ProviderProblem } from "../../oauth/openid_login.ts";
import type { OpenContext } from "../request_context.ts";
import { toRetryAfter } from "../respond.ts";
import {
  type Browser,
  findNextPath,
  nextPath,
  PageProblem,
  type PagesLayer,
  pathTo,
  readBrowser,
} from "./browser_request.ts";
import { enter, toWaitWords } from "./login_pages.ts";
import { browserRedirect } from "./oauth_responses.ts";

/** `GET /oauth/login/openid`: sends the browser to the provider. */
export async function beginOpenId(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const openid = openIdOf(layer);
  const browser = await readBrowser(layer, context);
  const request = new URL(context.request.url).searchParams.get("request") ?? "";
  await nextPath(layer, browser, request);
  const waitMs = layer.people.logins.takeAddress(browser);
  if (waitMs > 0) {
    throw new PageProblem({
      status: 429,
      title: "Too many attempts",
      text: toWaitWords(waitMs),
      headers: toRetryAfter(waitMs),
    });
  }
  const location = await asPage(openid.begin(browser.token, request, callbackOf(browser)));
  return browserRedirect(location, browser.headers);
}

/** `GET /oauth/login/openid/callback`: the provider's response. */
export async function finishOpenId(layer: PagesLayer, context: OpenContext): Promise<Response> {
  const openid = openIdOf(layer);
  const browser = await readBrowser(layer, context);
  const response = new URL(callbackOf(browser));
  response.search = new URL(context.request.url).search;
  const { person, request } = await asPage(openid.finish(browser.token, response));
  return await enter(layer, browser, person, await findNextPath(layer, browser, request));
}

function callbackOf(browser: Browser): string {
  return new URL(pathTo(browser, "login/openid/callback"), browser.base).href;
}

function openIdOf({ people: { openid } }: PagesLayer): OpenIdLogin {
  if (openid !== undefined) return openid;
  throw new PageProblem({
    status: 404,
    title: "There is no such page",
    text: "This gateway has no OpenID provider.",
  });
}

async function asPage<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work;
  } catch (thrown) {
    if (!(thrown instanceof ProviderProblem)) throw thrown;
    throw new PageProblem({ status: 403, title: "The log-in failed", text: thrown.message });
  }
}
