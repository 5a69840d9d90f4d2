/**
 * The routes of the pages for people. They are open to all that the guard lets in: each page checks
 * for itself who is logged in. Not here: the endpoints for clients, which have no pages.
 */
import { loginLinkPath } from "../../oauth/users.ts";
import type { OpenContext } from "../request_context.ts";
import type { OpenEndpoint, OpenRow } from "../route_match.ts";
import { createFormReader } from "../form_body.ts";
import { type PagesLayer, withPages } from "./browser_request.ts";
import { showConsent, takeConsent } from "./consent_page.ts";
import { beginOpenId, finishOpenId } from "./openid_pages.ts";
import { showLink, showLogin, takeLink, takeLogin, takeLogout } from "./login_pages.ts";

/** Answers one request of a browser. */
type PageEndpoint = (layer: PagesLayer, context: OpenContext) => Promise<Response>;

const pages: Readonly<Record<string, Readonly<Record<string, PageEndpoint>>>> = {
  "/oauth/login": { GET: showLogin, POST: takeLogin },
  [loginLinkPath]: { GET: showLink, POST: takeLink },
  "/oauth/login/openid": { GET: beginOpenId },
  "/oauth/login/openid/callback": { GET: finishOpenId },
  "/oauth/logout": { POST: takeLogout },
  "/oauth/consent": { GET: showConsent, POST: takeConsent },
};

/** The rows of the pages. */
export function pageRows(parts: Omit<PagesLayer, "readForm">): readonly OpenRow[] {
  const { limits, clock } = parts;
  const layer: PagesLayer = { ...parts, readForm: createFormReader({ limits, clock }) };
  return Object.entries(pages).map(([path, methods]) => ({
    path,
    openMethods: Object.fromEntries(
      Object.entries(methods).map(([method, answer]): [string, OpenEndpoint] => [
        method,
        withPages((context) => answer(layer, context)),
      ]),
    ),
  }));
}
