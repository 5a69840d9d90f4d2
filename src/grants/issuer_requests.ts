/**
 * Requests for the sake of one protected server: to itself, and to the authorization servers that
 * it names. No redirect is followed, answers are small JSON objects, and a name that the server
 * gives leads to public addresses only: to a private one only at the operator's own origin, or on
 * this machine if the server is on this machine, too.
 */
import { isLoopback } from "../config/loopback.ts";
import {
  createTokenRequests,
  type SendTokenRequest,
  type TokenRequest,
  type TokenResponse,
} from "../credentials/token_request.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import type { IssuerDeps } from "./grant_deps.ts";
import { GrantProblem } from "./grant_problem.ts";

/** A server whose metadata is looked for. */
export interface RequestedServer {
  readonly name: string;
  /** The operator's own URL. */
  readonly url: string;
}

/** Sends one request. Rejects with a GrantProblem if there is no answer that says something. */
export type AskIssuer = (request: TokenRequest, signal: AbortSignal) => Promise<TokenResponse>;

/** Makes the requester; `words` begin each sentence after the server's name. */
export function createIssuerRequests(
  { name, url: home }: RequestedServer,
  words: string,
  deps: IssuerDeps,
): AskIssuer {
  const requestsOf = (url: string): SendTokenRequest =>
    createTokenRequests({
      server: name,
      url,
      words,
      headers: {},
      authorization: noAuthorization,
    }, { ...deps, limits: { ...deps.limits, credentialMs: deps.limits.grantRequestMs } });
  const ask = requestsOf(home);
  return async (request, signal) => {
    const url = toNamedUrl(request.url, home);
    if (url === undefined) {
      throw new GrantProblem("refused", `${words} is at a URL that the gateway does not request`, {
        advice: "it must be at https:, at the server's own origin, or with it on this machine",
      });
    }
    const send = areOnThisMachine(url, home) ? requestsOf(url) : ask;
    const answer = await send({ ...request, url }, signal);
    if (!("problem" in answer)) return answer;
    const { problem, isUnreachable, isRefusal, retryAfterMs } = answer;
    const kind = isRefusal && !isUnreachable ? "refused" : "unreachable";
    // Its host only: a path may be long, and a query may hold a secret.
    const advice = isUnreachable
      ? `check that ${
        new URL(url).host
      } answers requests from the gateway's machine, and begin again`
      : "see the gateway's log, or begin again later";
    throw new GrantProblem(kind, problem, { retryAfterMs, advice });
  };
}

/**
 * A URL that a server or its authorization server names, as it may be requested: over TLS, at the
 * operator's own origin, or on this machine if the server is there. Undefined for any other, and if
 * it has a login in it.
 */
export function toNamedUrl(value: unknown, home: string): string | undefined {
  if (typeof value !== "string" || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (url.username + url.password !== "") return undefined;
  url.hash = "";
  if (url.protocol === "https:") return url.href;
  if (url.protocol !== "http:") return undefined;
  const isOperators = url.origin === new URL(home).origin;
  return isOperators || areOnThisMachine(url.href, home) ? url.href : undefined;
}

function areOnThisMachine(...urls: readonly string[]): boolean {
  return urls.every((url) => isLoopback(new URL(url).hostname));
}
