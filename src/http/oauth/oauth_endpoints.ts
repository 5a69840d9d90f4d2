/**
 * The endpoints of the authorization server: /oauth/authorize, /oauth/token, /oauth/revoke and
 * /oauth/register. Browsers of allowed origins may call all but the first, as the guard says. Not
 * here: what they do (src/oauth/), and the pages for people.
 */
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import { oauthPaths } from "../../oauth/oauth_metadata.ts";
import type { OAuthRequest } from "../../oauth/oauth_request.ts";
import type { OAuthServer } from "../../oauth/oauth_server.ts";
import type { ClientAddress } from "../client_address.ts";
import { createFormReader } from "../form_body.ts";
import type { BaseUrl } from "../gateway_url.ts";
import { createJsonReader } from "../json_body.ts";
import type { OpenContext } from "../request_context.ts";
import { emptyResponse } from "../respond.ts";
import type { OpenEndpoint, OpenRow } from "../route_match.ts";
import type { SurfaceKinds } from "../surface_kinds.ts";
import { issuerOf } from "./discovery_rows.ts";
import {
  browserRedirect,
  oauthErrorResponse,
  secretResponse,
  toOAuthError,
} from "./oauth_responses.ts";
import { problemPage } from "./page.ts";
import { createSurfaceOfPath, resolveResource } from "./resource_names.ts";

/** What the endpoints are made of. */
export interface OAuthEndpointDeps {
  readonly server: OAuthServer;
  readonly baseUrl: BaseUrl;
  readonly clientAddress: ClientAddress;
  readonly surfaceKinds: SurfaceKinds;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

/** The rows of the endpoints. */
export function oauthRows(deps: OAuthEndpointDeps): OpenRow[] {
  const { server, limits, log } = deps;
  const bounds = { ...limits, formBytesMax: limits.oauthBodyBytesMax };
  const readForm = createFormReader({ ...deps, limits: bounds });
  const readJson = createJsonReader({
    ...deps,
    limits: { ...limits, bodyBytesMax: limits.oauthBodyBytesMax },
  });
  const toRequest = requestMaker(deps);
  /** Lets an endpoint answer; a refusal becomes the error that clients of OAuth understand. */
  const guarded = (answer: OpenEndpoint): OpenEndpoint => async (context) => {
    try {
      return await answer(context);
    } catch (thrown) {
      return oauthErrorResponse(toOAuthError(thrown, log), context.request);
    }
  };
  const authorize: OpenEndpoint = async (context) => {
    const { searchParams } = new URL(context.request.url);
    const outcome = await server.authorize(toRequest(context, searchParams));
    if ("redirect" in outcome) return browserRedirect(outcome.redirect);
    if ("problem" in outcome) {
      return problemPage({ status: 400, title: "Cannot connect", text: outcome.problem.message });
    }
    const query = new URLSearchParams({ request: outcome.waiting });
    const base = deps.baseUrl(context.request, context.fetchContext);
    return browserRedirect(`${base}${oauthPaths.consent}?${query}`);
  };
  const token = guarded(async (context) => {
    const { request } = context;
    const asked = toRequest(context, await readForm(request));
    return secretResponse(await server.token(asked, request.headers.get("authorization")));
  });
  const revoke = guarded(async (context) => {
    const { request } = context;
    const asked = toRequest(context, await readForm(request));
    await server.revoke(asked, request.headers.get("authorization"));
    return emptyResponse(200, { "cache-control": "no-store" });
  });
  const register = guarded(async ({ request, fetchContext }) => {
    const body = await readJson(request);
    return secretResponse(
      await server.register(body, deps.clientAddress(request, fetchContext)),
      201,
    );
  });
  return [
    { path: oauthPaths.authorize, openMethods: { GET: authorize, HEAD: authorize } },
    { path: oauthPaths.token, openMethods: { POST: token } },
    { path: oauthPaths.revoke, openMethods: { POST: revoke } },
    { path: oauthPaths.register, openMethods: { POST: register } },
  ];
}

function requestMaker(
  { server, baseUrl, clientAddress, surfaceKinds }: OAuthEndpointDeps,
): (context: OpenContext, params: URLSearchParams) => OAuthRequest {
  const surfaceOfPath = createSurfaceOfPath(surfaceKinds);
  return ({ request, fetchContext }, params) => {
    const base = baseUrl(request, fetchContext);
    // The gateway may also be used by the name of its machine, next to its public URL.
    const used = `${new URL(request.url).protocol}//${request.headers.get("host")}`;
    const bases = URL.canParse(used) ? [base, used] : [base];
    return {
      params,
      issuer: issuerOf(server.settings, base),
      tokenEndpoint: `${base}${oauthPaths.token}`,
      resolveResource: (resource) => resolveResource(resource, bases, surfaceOfPath),
      address: clientAddress(request, fetchContext),
    };
  };
}
