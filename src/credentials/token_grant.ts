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
  createProofKey,
  createRequestProof,
  importProofKey,
  makeProof,
  type Nonces,
  proofAlgorithm,
  type ProofKey,
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
import { createNamedSecrets, type NamedSecrets, type SecretTexts } from "./secret.ts";
import type { FetchFailure, StoredToken } from "./stored_token.ts";
import { readTokenAnswer, refuseIt } from "./token_answer.ts";
import type { TokenResponse } from "./token_request.ts";
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
  readonly contexts: WeakMap<StoredToken, Promise<SecurityContext>>;
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
      const context = await contextOf(state, kept).catch(() => undefined);
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

/** How a token is sent. */
function contextOf(state: TokenGrantState, kept: StoredToken): Promise<SecurityContext> {
  const { contexts, serverNonces, deps } = state;
  const known = contexts.get(kept);
  if (known !== undefined) return known;
  const { token, proofKey } = kept;
  const made = proofKey === undefined
    ? Promise.resolve(toBearer(token))
    : importProofKey(proofKey).then((key) => ({
      ...emptyContext,
      headers: { authorization: `DPoP ${token}` },
      proof: createRequestProof(key, token, serverNonces, deps.clock),
    }));
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
  const key = config.dpop === true ? await keyOf(kept) : undefined;
  const answer = await send(state, request, form, key);
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
  const algorithms = metadata?.["dpop_signing_alg_values_supported"];
  if (dpop === true && Array.isArray(algorithms) && !algorithms.includes(proofAlgorithm)) {
    return `accepts no ${proofAlgorithm} for proofs; remove credentials.dpop`;
  }
  return undefined;
}

/** A grant keeps its key, because its refresh token may be bound to it (RFC 9449, section 5). */
async function keyOf(kept: StoredToken | undefined): Promise<ProofKey> {
  if (kept?.proofKey === undefined) return await createProofKey();
  return await importProofKey(kept.proofKey).catch(() => createProofKey());
}

/** Sends a form; once more if the server refuses only the nonce of the proof (section 8). */
async function send(
  state: TokenGrantState,
  request: FormRequest,
  form: URLSearchParams,
  key: ProofKey | undefined,
): Promise<TokenResponse | FetchFailure> {
  const { issuerNonces } = state;
  const { tokenUrl } = request.server;
  const first = await sendOnce(state, request, form, key);
  if ("problem" in first || key === undefined) return first;
  const hasNonce = issuerNonces.learn(tokenUrl, first.headers);
  if (!hasNonce || first.value?.["error"] !== "use_dpop_nonce") return first;
  const second = await sendOnce(state, request, form, key);
  if (!("problem" in second)) issuerNonces.learn(tokenUrl, second.headers);
  return second;
}

async function sendOnce(
  { rules, deps, issuerNonces }: TokenGrantState,
  { texts, server, signal }: FormRequest,
  given: URLSearchParams,
  key: ProofKey | undefined,
): Promise<TokenResponse | FetchFailure> {
  const { tokenUrl: url, ask } = server;
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
  if (key !== undefined) {
    const nonce = issuerNonces.get(url);
    headers["dpop"] = await makeProof(key, { method: "POST", url, nonce }, deps.clock);
  }
  return await ask({ url, method: "POST", headers, body: `${form}` }, signal);
}

/** The refusal to use a key of the configuration. */
export function unusableKey({ message }: UnusableKey, key: string): FetchFailure {
  const problem = `has no credentials: ${key} ${message}`;
  return { state: "failed", problem, isUnreachable: false, isRefusal: true };
}
