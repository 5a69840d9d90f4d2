/**
 * Tokens that an authorization server issues to the gateway itself. All kinds have the same course:
 * read the secrets, find the server, make a form, authenticate, send, and store what comes, bound to
 * a key if that is configured (RFC 9449). What goes into the form is a kind's own (oauth2.ts,
 * enterprise.ts, workload.ts).
 */
import type { TokenTargetConfig } from "../config/oauth_config.ts";
import { emptyContext, type SecurityContext } from "../outgoing/authorization.ts";
import { sha256Hex } from "../seal.ts";
import { type ClientRules, type ClientTexts, identify, UnusableKey } from "./client_identity.ts";
import {
  createNonces,
  createRequestProof,
  type Nonces,
  proofProblem,
  readProofKey,
} from "./dpop_proof.ts";
import { toBearer } from "./fixed.ts";
import { createIssuingServers, type IssuingServer } from "./issuing_server.ts";
import {
  type CredentialDeps,
  type CredentialKey,
  type Provider,
  type ProviderOptions,
  refuse,
} from "./provider.ts";
import { keyOfGrant, sendTokenRequest } from "./proven_token_request.ts";
import { createNamedSecrets, type NamedSecrets, type SecretTexts } from "./secret.ts";
import type { FetchFailure, StoredToken } from "./stored_token.ts";
import { readTokenAnswer, refuseIt } from "./token_answer.ts";
import type { TokenRequest } from "./token_request.ts";
import { createTokenSource } from "./token_source.ts";

/** What a form is made from. */
export interface FormRequest {
  readonly texts: SecretTexts;
  readonly server: IssuingServer;
  readonly kept: StoredToken | undefined;
  readonly signal: AbortSignal;
}

/** One kind of grant. */
export interface TokenGrantRules {
  readonly kind: CredentialKey["kind"];
  readonly config: TokenTargetConfig & ClientRules;
  readonly secrets: NamedSecrets;
  /** See `TokenRules`. */
  readonly unreadable?: string | undefined;
  /** Whether a refresh token is stored and used. */
  readonly refreshes?: boolean;
  /** What makes a stored token another one's; secrets only where they cannot be guessed from it. */
  binding(texts: SecretTexts): Promise<readonly unknown[]>;
  /** The form of a request, without the client's identity. */
  form(request: FormRequest): Promise<URLSearchParams | FetchFailure>;
  /** See `ExpectedToken`. */
  readonly advice: Readonly<Record<string, string>>;
}

/** The grant of one server at work. */
interface TokenGrantState {
  readonly rules: TokenGrantRules;
  readonly deps: CredentialDeps;
  /** The nonces of authorization servers, and those of the server itself. */
  readonly issuerNonces: Nonces;
  readonly serverNonces: Nonces;
  readonly contexts: WeakMap<StoredToken, Promise<SecurityContext | undefined>>;
}

/** Makes the provider of one server; nothing is requested yet. */
export function createTokenGrant(
  rules: TokenGrantRules,
  deps: CredentialDeps,
  options: Pick<ProviderOptions, "server" | "remote">,
): Provider {
  const { config, kind } = rules;
  const servers = createIssuingServers(config, options, deps);
  const read = createNamedSecrets(rules.secrets, deps);
  const state: TokenGrantState = {
    rules,
    deps,
    issuerNonces: createNonces(deps.limits),
    serverNonces: createNonces(deps.limits),
    contexts: new WeakMap(),
  };
  const isDiscovered = config.issuer === undefined && config.tokenUrl === undefined;
  const source = createTokenSource<SecretTexts>({
    server: options.server,
    kind,
    refusedMs: deps.limits.credentialRefusedMs,
    unreadable: rules.unreadable,
    async inputs(signal) {
      const found = await read(signal);
      if ("problem" in found) return found;
      const parts = await rules.binding(found.texts);
      const more = [
        ...(config.dpop === true ? ["dpop"] : []),
        ...(isDiscovered ? [options.remote?.url] : []),
      ];
      const binding = await sha256Hex(JSON.stringify([...parts, ...more]));
      return { secrets: found.texts, binding };
    },
    async fetch(texts, kept, signal) {
      const server = await servers.find(signal);
      if ("problem" in server) return server;
      return await fetchToken(state, { texts, server, kept, signal });
    },
  }, deps);
  return {
    async get(_use, signal) {
      const kept = await source.get(signal);
      if ("problem" in kept) return kept;
      const context = await contextOf(state, kept);
      return context === undefined
        ? refuse("has no credentials: the key of its stored token cannot be read")
        : { state: "ready", context };
    },
    async renew({ headers }, _use, signal, { challenge }) {
      servers.forget(challenge);
      return await source.renew((headers["authorization"] ?? "").replace(/^\S+ /, ""), signal);
    },
  };
}

/** How a token is sent; undefined if its key cannot be read. */
function contextOf(
  state: TokenGrantState,
  kept: StoredToken,
): Promise<SecurityContext | undefined> {
  const { contexts, serverNonces, deps } = state;
  const known = contexts.get(kept);
  if (known !== undefined) return known;
  const { token, proofKey } = kept;
  const made = proofKey === undefined
    ? Promise.resolve(toBearer(token))
    : readProofKey(proofKey).then((key) =>
      key && {
        ...emptyContext,
        headers: { authorization: `DPoP ${token}` },
        proof: createRequestProof(key, token, serverNonces, deps.clock),
      }
    );
  contexts.set(kept, made);
  return made;
}

async function fetchToken(
  state: TokenGrantState,
  request: FormRequest,
): Promise<StoredToken | FetchFailure> {
  const { config, refreshes = false, advice, form: toForm } = state.rules;
  const { server, kept } = request;
  const problem = serverProblem(server, kept, config);
  if (problem !== undefined) return refuseIt(problem);
  const form = await toForm(request);
  if ("problem" in form) return form;
  const key = config.dpop === true ? await keyOfGrant(kept?.proofKey) : undefined;
  const answer = await sendTokenRequest<FetchFailure>(
    { key, nonces: state.issuerNonces, clock: state.deps.clock },
    () => toRequest(state, request, form),
    (made) => server.ask(made, request.signal),
  );
  if ("problem" in answer) return answer;
  const token = readTokenAnswer(answer, { isBound: key !== undefined, advice }, state.deps);
  if ("problem" in token) return token;
  const { refreshToken = form.get("refresh_token") ?? undefined, ...issued } = token;
  return {
    ...issued,
    ...(refreshes ? { refreshToken } : {}),
    ...(server.isDiscovered ? { issuer: server.issuer } : {}),
    ...(key === undefined ? {} : { proofKey: key.jwk }),
  };
}

/** Why nothing is sent to a server. */
function serverProblem(
  { isDiscovered, issuer, metadata }: IssuingServer,
  kept: StoredToken | undefined,
  { dpop }: TokenTargetConfig,
): string | undefined {
  if (isDiscovered && kept?.issuer !== undefined && kept.issuer !== issuer) {
    return "is another one than before, according to the server; if that is right, set " +
      "credentials.issuer to the new one";
  }
  return dpop === true ? proofProblem(metadata, "credentials.dpop") : undefined;
}

/** The request for a form, with the client's identity. */
async function toRequest(
  { rules, deps }: TokenGrantState,
  { texts, server }: FormRequest,
  given: URLSearchParams,
): Promise<TokenRequest | FetchFailure> {
  const form = new URLSearchParams(given);
  const headers: Record<string, string> = {
    accept: "application/json",
    "content-type": "application/x-www-form-urlencoded",
  };
  const client: ClientTexts = texts;
  try {
    await identify(rules.config, client, server, { form, headers }, deps);
  } catch (thrown) {
    if (thrown instanceof UnusableKey) return unusableKey(thrown, "credentials.privateKey");
    throw thrown;
  }
  return { url: server.tokenUrl, method: "POST", headers, body: `${form}` };
}

/** The refusal to use a key of the configuration. */
export function unusableKey({ message }: UnusableKey, key: string): FetchFailure {
  const problem = `has no credentials: ${key} ${message}`;
  return { state: "failed", problem, isUnreachable: false, isRefusal: true };
}
