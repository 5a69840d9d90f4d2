/**
 * Tokens by an API's own log-in request: a JSON body with user name and password, and an answer
 * with a token and, for some APIs, the host of all later requests. The configuration must allow
 * that host, so a forged answer leads nowhere. After a refused password the gateway waits for a
 * long time, because APIs lock out clients that keep trying.
 */
import { steadyNow } from "../clock.ts";
import { type JSONValue, search } from "@jmespath-community/jmespath";
import type { LoginConfig } from "../config/config.ts";
import { valueProblem } from "../config/credential_values.ts";
import type { JsonObject } from "../model.ts";
import { noAuthorization, type SecurityContext } from "../outgoing/authorization.ts";
import { createTokenRequests, type SendTokenRequest } from "./token_request.ts";
import type { FetchFailure, StoredToken } from "./stored_token.ts";
import { createTokenSource, type TokenSource } from "./token_source.ts";
import {
  type CredentialDeps,
  type Provider,
  type ProviderOptions,
  type Provision,
  refuse,
} from "./provider.ts";
import { createSecretReader, type WantedSecret } from "./secret.ts";

const words = "is not logged in: its log-in";

/** Makes the provider of one server; nothing is requested yet. */
export function createLogin(
  config: LoginConfig,
  deps: CredentialDeps,
  { server, baseUrl = "", headers = {}, beside = noAuthorization }: ProviderOptions,
): Provider {
  const url = `${baseUrl}${config.path}`;
  if (!URL.canParse(url)) return createRefused(refuse(`${words} has no URL`));
  const ask = createTokenRequests({ server, url, words, headers, authorization: beside }, deps);
  const source = createTokenSource<JsonBody>({
    server,
    kind: "login",
    inputs: createMeans(config, url, deps),
    refusedMs: deps.limits.loginRefusedMs,
    // The same body gets another token.
    unreadable: undefined,
    fetch: (body, _kept, signal) => logIn(config, { url, body, baseUrl, ask }, deps, signal),
  }, deps);

  return {
    async get(use, signal) {
      // Not as a tool's call: a log-in has no fallback without credentials.
      const shown = await beside.get({ principal: use.principal, scope: use.scope }, signal);
      if (shown.state === "failed") return refuse(shown.problem);
      if (shown.state !== "ready") return shown;
      // A token identifies its user even if the request itself is unauthenticated.
      if (shown.isDegraded) return refuse(`${words} needs credentials that are unavailable now`);
      return toContext(config, shown.context, await source.get(signal));
    },
    renew: ({ headers }, _use, signal) =>
      source.renew((headers[config.header] ?? "").slice(config.prefix.length), signal),
  };
}

type JsonBody = Readonly<Record<string, string>>;

function createRefused(failure: Provision): Provider {
  return { get: () => Promise.resolve(failure), renew: () => Promise.resolve(false) };
}

function createMeans(
  { body, token, baseUrl, hosts }: LoginConfig,
  url: string,
  deps: CredentialDeps,
) {
  const names = Object.keys(body);
  const wanted = Object.entries(body).map(([name, secret]): WantedSecret => ({
    secret,
    key: `login.body.${name}`,
    place: "body",
  }));
  const read = createSecretReader(deps);
  return async (signal: AbortSignal) => {
    const found = await read(wanted, signal);
    if ("problem" in found) return found;
    const secrets = Object.fromEntries(
      found.texts.map((text, index) => [names[index] ?? "", text]),
    );
    // By the key: from any other digest the password could be guessed.
    const binding = await deps.digest(JSON.stringify([url, secrets, token, baseUrl, hosts]));
    return { secrets, binding };
  };
}

async function logIn(
  config: LoginConfig,
  { url, body, baseUrl, ask }: {
    readonly url: string;
    readonly body: JsonBody;
    readonly baseUrl: string;
    readonly ask: SendTokenRequest;
  },
  { clock }: CredentialDeps,
  signal: AbortSignal,
): Promise<StoredToken | FetchFailure> {
  const answer = await ask({
    url,
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json" },
    body: JSON.stringify(body),
  }, signal);
  if ("problem" in answer) return answer;
  const { status, value } = answer;
  if (status >= 400) return refuseIt(`refuses the credentials (status ${status}); correct them`);
  if (status >= 300) return refuseIt("redirects, which secrets do not follow");
  const token = find(value, config.token);
  if (typeof token !== "string" || valueProblem("header", token) !== undefined) {
    return refuseIt("answers without a token");
  }
  const told = config.baseUrl === undefined ? null : find(value, config.baseUrl);
  const target = told === null ? undefined : toBaseUrl(told, baseUrl, config.hosts);
  if (told !== null && target === undefined) {
    return refuseIt("names a host that is not allowed; nothing is sent there");
  }
  const obtainedAt = steadyNow(clock);
  return {
    token,
    obtainedAt,
    expiresAt: obtainedAt + config.lifetimeMs,
    ...(target === undefined ? {} : { baseUrl: target }),
  };
}

/** The value at a place in an answer; null if there is none. */
function find(value: JsonObject | undefined, expression: string): unknown {
  try {
    // It comes from parsed JSON, so it is nothing else.
    return search((value ?? null) as JSONValue, expression);
  } catch {
    return null;
  }
}

/**
 * The URL of later requests, if it is allowed; a host alone keeps scheme and path of the old URL.
 */
function toBaseUrl(told: unknown, baseUrl: string, hosts: readonly string[]): string | undefined {
  if (typeof told !== "string") return undefined;
  const own = new URL(baseUrl);
  const text = told.includes("://") ? told : `${own.protocol}//${told}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const { protocol, host, username, password, search: query, hash } = url;
  const isAllowed = host === own.host || hosts.some((one) => one.toLowerCase() === host);
  const isAsSafe = protocol === "https:" || (protocol === own.protocol && protocol === "http:");
  if (!isAllowed || !isAsSafe || username + password + query + hash !== "") return undefined;
  const path = url.pathname === "/" ? own.pathname : url.pathname;
  return `${url.origin}${path}`.replace(/\/$/, "");
}

function toContext(
  { header, prefix }: LoginConfig,
  { headers, query, cookies, proof }: SecurityContext,
  kept: Awaited<ReturnType<TokenSource["get"]>>,
): Provision {
  if ("problem" in kept) return kept;
  const { token, baseUrl } = kept;
  return {
    state: "ready",
    context: {
      headers: { ...headers, [header]: `${prefix}${token}` },
      query,
      cookies,
      // A proof is about the token in Authorization.
      ...(proof === undefined || header === "authorization" ? {} : { proof }),
      ...(baseUrl === undefined ? {} : { baseUrl }),
    },
  };
}

function refuseIt(why: string): FetchFailure {
  return { ...refuse(`${words} ${why}`), isRefusal: true };
}
