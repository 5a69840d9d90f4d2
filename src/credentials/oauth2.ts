/**
 * Tokens by OAuth 2: for the gateway itself (RFC 6749, section 4.4), or for a user whose log-in
 * once gave a refresh token (section 6), for a resource if one is named (RFC 8707). token_source.ts
 * stores a replaced refresh token before the new one is used. Of an answer that refuses, errors
 * quote only the RFC's own error word.
 */
import type { OAuth2Config, Secret } from "../config/config.ts";
import type { ValuePlace } from "../config/credential_values.ts";
import type { JsonObject } from "../model.ts";
import { noAuthorization } from "../outgoing/authorization.ts";
import { sha256Hex } from "../seal.ts";
import { createTokenRequests, toExpiry, type TokenResponse } from "./token_request.ts";
import { toBase64, toBearer } from "./fixed.ts";
import { createIssuer } from "./issuer.ts";
import type { FetchFailure, StoredToken } from "./stored_token.ts";
import { createTokenSource } from "./token_source.ts";
import { type CredentialDeps, type Provider, type ProviderOptions, refuse } from "./provider.ts";
import { createSecretReader, type WantedSecret } from "./secret.ts";

const words = "has no credentials: its authorization server";

/** What a token request needs. */
interface Means {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly refreshToken: string | undefined;
}

/** Makes the provider of one server; nothing is requested yet. */
export function createOAuth2(
  config: OAuth2Config,
  deps: CredentialDeps,
  { server }: Pick<ProviderOptions, "server">,
): Provider {
  const { issuer, tokenUrl = "" } = config;
  const ask = createTokenRequests({
    server,
    url: issuer ?? tokenUrl,
    words,
    headers: {},
    authorization: noAuthorization,
  }, deps);
  const find = issuer === undefined
    ? () => Promise.resolve({ tokenUrl })
    : createIssuer(issuer, ask, words, deps);

  const source = createTokenSource<Means>({
    server,
    kind: "oauth2",
    inputs: createMeans(config, deps),
    refusedMs: deps.limits.credentialRefusedMs,
    unreadable: config.grant === "refresh_token"
      ? "has no credentials: its stored log-in cannot be opened with this gateway's key; " +
        "restore the former MCP_SECRET or secret.key, or log in again and set the new " +
        "token as credentials.refreshToken"
      : undefined,
    async fetch(means, kept, signal) {
      const found = await find(signal);
      if ("problem" in found) return found;
      const refreshToken = kept?.refreshToken ?? means.refreshToken;
      const form = toForm(config, refreshToken);
      const headers: Record<string, string> = {
        accept: "application/json",
        "content-type": "application/x-www-form-urlencoded",
      };
      identify(config, means, form, headers);
      const request = { url: found.tokenUrl, method: "POST", headers, body: `${form}` } as const;
      const answer = await ask(request, signal);
      return "problem" in answer ? answer : toKept(answer, config, refreshToken, deps);
    },
  }, deps);

  return {
    async get(_use, signal) {
      const kept = await source.get(signal);
      return "problem" in kept ? kept : { state: "ready", context: toBearer(kept.token) };
    },
    renew: ({ headers }, _use, signal) =>
      source.renew((headers["authorization"] ?? "").replace(/^Bearer /, ""), signal),
  };
}

function createMeans(config: OAuth2Config, deps: CredentialDeps) {
  const { issuer, tokenUrl, grant, scope, resource } = config;
  const parts = ["clientId", "clientSecret", "refreshToken"] as const;
  const given = parts.filter((part) => config[part] !== undefined);
  const wanted = given.flatMap((part): WantedSecret[] => {
    const secret: Secret | undefined = config[part];
    const place: ValuePlace = "body";
    return secret === undefined ? [] : [{ secret, key: `credentials.${part}`, place }];
  });
  const read = createSecretReader(deps);

  return async (signal: AbortSignal) => {
    const found = await read(wanted, signal);
    if ("problem" in found) return found;
    const textOf = (part: (typeof parts)[number]) => found.texts[given.indexOf(part)];
    const secrets = {
      clientId: textOf("clientId") ?? "",
      clientSecret: textOf("clientSecret"),
      refreshToken: textOf("refreshToken"),
    };
    const { clientId, refreshToken } = secrets;
    // Without the key, so that a stored log-in is recognised even if the key was lost.
    const binding = await sha256Hex(
      JSON.stringify([issuer, tokenUrl, grant, clientId, refreshToken, scope, resource]),
    );
    return { secrets, binding };
  };
}

function toForm(
  { grant, scope, resource }: OAuth2Config,
  refreshToken: string | undefined,
): URLSearchParams {
  const form = new URLSearchParams({ grant_type: grant });
  if (grant === "refresh_token") form.set("refresh_token", refreshToken ?? "");
  if (scope !== undefined) form.set("scope", scope);
  if (resource !== undefined) form.set("resource", resource);
  return form;
}

/**
 * Adds the client's identity (RFC 6749, section 2.3.1); a client without a secret sends only its
 * id.
 */
function identify(
  { clientAuthentication }: OAuth2Config,
  { clientId, clientSecret }: Means,
  form: URLSearchParams,
  headers: Record<string, string>,
): void {
  if (clientAuthentication === "basic" && clientSecret !== undefined) {
    const pair = `${encodeForm(clientId)}:${encodeForm(clientSecret)}`;
    headers["authorization"] = `Basic ${toBase64(pair)}`;
    return;
  }
  form.set("client_id", clientId);
  if (clientSecret !== undefined) form.set("client_secret", clientSecret);
}

function encodeForm(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

function toKept(
  { status, value }: TokenResponse,
  config: OAuth2Config,
  refreshToken: string | undefined,
  deps: CredentialDeps,
): StoredToken | FetchFailure {
  if (status !== 200 || value === undefined) return toRefusal(status, value, config);
  const { access_token: token, token_type: type, expires_in: seconds } = value;
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    return refuseIt("answers without a token");
  }
  if (type !== undefined && !/^bearer$/i.test(String(type))) {
    return refuseIt("issues tokens of another type than Bearer, which are not supported");
  }
  const replaced = value["refresh_token"];
  const obtainedAt = deps.clock.wall();
  const expiresAt = toExpiry(seconds, deps);
  const nextRefresh = typeof replaced === "string" && replaced !== "" ? replaced : refreshToken;
  return {
    token,
    obtainedAt,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(config.grant === "refresh_token" ? { refreshToken: nextRefresh } : {}),
  };
}

/**
 * The error words of RFC 6749, section 5.2, and RFC 8707; an answer may contain any others, even
 * secrets.
 */
const codes: ReadonlySet<unknown> = new Set([
  "invalid_client",
  "invalid_grant",
  "invalid_request",
  "invalid_scope",
  "invalid_target",
  "unauthorized_client",
  "unsupported_grant_type",
]);

function toRefusal(
  status: number,
  value: JsonObject | undefined,
  { grant }: OAuth2Config,
): FetchFailure {
  if (status === 200) return refuseIt("answers with an unreadable body");
  if (status >= 300 && status < 400) {
    return refuseIt("redirects, which secrets do not follow; correct credentials.tokenUrl");
  }
  const code = value?.["error"];
  const reason = codes.has(code) ? String(code) : `status ${status}`;
  if (code === "invalid_grant" && grant === "refresh_token") {
    return refuseIt(
      `refuses the refresh token (${reason}); ` +
        "log in again and set the new one as credentials.refreshToken",
    );
  }
  return refuseIt(`refuses to issue a token (${reason}); correct credentials`);
}

function refuseIt(why: string): FetchFailure {
  return { ...refuse(`${words} ${why}`), isRefusal: true };
}
