/**
 * Tokens by an API's own log-in call: a JSON body with what a person would type, an answer with a
 * token and, where the API has one, the host of all later requests. That host must be one that the
 * configuration allows: an answer that lies leads nowhere. A password that was refused is not tried
 * again for a good while, since APIs lock out who does.
 */
import { type JSONValue, search } from "@jmespath-community/jmespath";
import type { LoginConfig } from "../config/config.ts";
import { valueProblem } from "../config/credential_values.ts";
import type { JsonObject } from "../model.ts";
import {
  type Authorization,
  emptyContext,
  type SecurityContext,
} from "../outgoing/authorization.ts";
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

const words = "cannot be logged in to: its log-in";

/** Makes the provider of one server; nothing is asked yet. */
export function createLogin(
  config: LoginConfig,
  deps: CredentialDeps,
  { server, baseUrl = "", headers = {}, beside = nothing }: ProviderOptions,
): Provider {
  const url = `${baseUrl}${config.path}`;
  if (!URL.canParse(url)) return createRefused(refuse(`${words} has no URL`));
  const ask = createTokenRequests({ server, url, words, headers, authorization: beside }, deps);
  const source = createTokenSource<JsonBody>({
    server,
    kind: "login",
    inputs: createMeans(config, url, deps),
    refusedMs: deps.limits.loginRefusedMs,
    // The same body gets another one.
    unreadable: undefined,
    fetch: (body, _kept, signal) => logIn(config, { url, body, baseUrl, ask }, deps, signal),
  }, deps);

  return {
    async get(use, signal) {
      // As no tool's call: nothing is left out where somebody logs in.
      const shown = await beside.get({ principal: use.principal, scope: use.scope }, signal);
      if (shown.state === "failed") return refuse(shown.problem);
      if (shown.state !== "ready") return shown;
      // A token for somebody in a call of nobody says who it is.
      if (shown.isDegraded) return refuse(`${words} needs credentials that are unavailable now`);
      return toContext(config, shown.context, await source.get(signal));
    },
    renew: ({ headers }, _use, signal) =>
      source.renew((headers[config.header] ?? "").slice(config.prefix.length), signal),
  };
}

type JsonBody = Readonly<Record<string, string>>;

const nothing: Authorization = {
  get: () => Promise.resolve({ state: "ready", context: emptyContext, isDegraded: false }),
  renew: () => Promise.resolve(false),
};

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
    // By the key: a password could be guessed from any other digest.
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
  if (status >= 400) return refuseIt(`refuses what it is given (status ${status}); correct it`);
  if (status >= 300) return refuseIt("redirects, which secrets do not follow");
  const token = find(value, config.token);
  if (typeof token !== "string" || valueProblem("header", token) !== undefined) {
    return refuseIt("answers without a token");
  }
  const told = config.baseUrl === undefined ? null : find(value, config.baseUrl);
  const target = told === null ? undefined : toBaseUrl(told, baseUrl, config.hosts);
  if (told !== null && target === undefined) {
    return refuseIt("names a host that it may not send us to; nothing is sent there");
  }
  const obtainedAt = clock.wall();
  return {
    token,
    obtainedAt,
    expiresAt: obtainedAt + config.lifetimeMs,
    ...(target === undefined ? {} : { baseUrl: target }),
  };
}

/** What stands there in an answer; null where nothing does. */
function find(value: JsonObject | undefined, expression: string): unknown {
  try {
    // It was parsed out of JSON, and is nothing else.
    return search((value ?? null) as JSONValue, expression);
  } catch {
    return null;
  }
}

/** The URL of later requests, where it may be that: a host alone keeps scheme and path of the old. */
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
  { headers, query, cookies }: SecurityContext,
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
      ...(baseUrl === undefined ? {} : { baseUrl }),
    },
  };
}

function refuseIt(why: string): FetchFailure {
  return { ...refuse(`${words} ${why}`), isRefusal: true };
}
