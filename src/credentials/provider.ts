/**
 * What a credential provider is, and what it is made from: what the configuration says of one
 * server, and what all providers share. A kind is one function and one row in
 * `credential_kinds.ts`. A failure also says whether the issuer was only unreachable; no other
 * failure allows a fallback (fallback.ts). Types only.
 */
import type { Clock } from "../clock.ts";
import type { CredentialsConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type {
  Authorization,
  CredentialUse,
  Refusal,
  SecurityContext,
} from "../outgoing/authorization.ts";
import type { Runtime } from "../runtime/runtime.ts";

const credentialKinds = ["oauth2", "enterprise", "workload", "login"] as const;

/** How a credential was obtained. */
export type CredentialKind = typeof credentialKinds[number];

/** The kind that a store names. Throws a TypeError if there is none of this name. */
export function toCredentialKind(name: string): CredentialKind {
  const kind = credentialKinds.find((one) => one === name);
  if (kind === undefined) throw new TypeError(`Cannot read the kind "${name}" of a credential`);
  return kind;
}

/** Which stored credential is meant. */
export interface CredentialKey {
  readonly server: string;
  /** The id of its principal; the id of `sharedPrincipal` if it serves all principals. */
  readonly principal: string;
  readonly kind: CredentialKind;
  /** Digest of the configuration that obtained it: a changed configuration does not find it. */
  readonly binding: string;
}

/**
 * Keeps sealed credentials across restarts, and which scopes were authenticated. Only `inTurn`
 * rejects.
 */
export interface CredentialStore {
  /** `unreadable`: a credential is stored, but it cannot be decrypted or read. */
  load(key: CredentialKey): Promise<JsonObject | "unreadable" | undefined>;
  /** Replaces the stored credential; false if it is not stored yet, which is tried again. */
  save(key: CredentialKey, value: JsonObject): Promise<boolean>;
  /**
   * Runs `work` while no other provider works on this credential, at any instance; its signal aborts
   * when that is not certain any more. Rejects also if it cannot be made certain.
   */
  inTurn<Value>(key: CredentialKey, work: (lost: AbortSignal) => Promise<Value>): Promise<Value>;
  /** Records that credentials were sent to this server for a scope. */
  noteScope(server: string, scope: string): Promise<void>;
  /** Whether credentials were ever sent for this scope; true if that is unknown. */
  knowsScope(server: string, scope: string): Promise<boolean>;
  /** Forgets a scope that has ended for good. */
  forgetScope(server: string, scope: string): Promise<void>;
}

/** What all providers share. */
export interface CredentialDeps {
  readonly runtime: Pick<Runtime, "request" | "readText">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly credentialStore: CredentialStore;
  /** Keyed digest of a text. */
  readonly digest: (text: string) => Promise<string>;
  /** Hides these values from the log from now on. */
  readonly addSecrets: (values: readonly string[]) => void;
}

/** What one provider is made from. */
export interface ProviderOptions {
  /** The server's name. */
  readonly server: string;
  readonly credentials: CredentialsConfig;
  /** See `RestServerConfig.anonymousTools`; absent: none, whatever is configured. */
  readonly anonymousTools?: readonly string[] | undefined;
  /** For a log-in call: the base URL of the API, and the headers to send. */
  readonly baseUrl?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Credentials that are sent along with these. */
  readonly beside?: Authorization | undefined;
  /** For a remote MCP server: its URL, and what it says about its authorization server. */
  readonly remote?: RemoteServer | undefined;
}

/** What an MCP server says about its authorization server, checked. */
export interface DiscoveredServer {
  readonly issuer: string;
  readonly tokenUrl: string;
  /** The metadata of the authorization server (RFC 8414). */
  readonly metadata: JsonObject;
  /** The id of the MCP server (RFC 9728). */
  readonly resource: string;
  /** What the challenge asks for, else all that the server knows. */
  readonly scopes: readonly string[];
}

/** Finds it; `challenge`: the `WWW-Authenticate` of the server's refusal, if there was one. */
export type FindAuthorizationServer = (
  challenge: string | undefined,
  signal: AbortSignal,
) => Promise<DiscoveredServer | CredentialFailure>;

/** An MCP server that may name its authorization server itself. */
export interface RemoteServer {
  readonly url: string;
  readonly find: FindAuthorizationServer;
}

/**
 * Why there is no credential; `problem` continues a sentence that begins with the server's name.
 */
export interface CredentialFailure {
  readonly state: "failed";
  readonly problem: string;
  /** The issuer of the credential was unreachable; it refused nothing. */
  readonly isUnreachable: boolean;
  readonly retryAfterMs?: number | undefined;
}

/** What a provider returns. */
export type Provision =
  | { readonly state: "ready"; readonly context: SecurityContext }
  | { readonly state: "needs_person"; readonly problem: string }
  | CredentialFailure;

/** One kind at work for one server: like `Authorization`, but without the fallback. */
export interface Provider {
  get(use: CredentialUse, signal: AbortSignal): Promise<Provision>;
  renew(
    context: SecurityContext,
    use: CredentialUse,
    signal: AbortSignal,
    refusal: Refusal,
  ): Promise<boolean>;
}

/** A failure that allows no fallback. */
export function refuse(problem: string): CredentialFailure {
  return { state: "failed", problem, isUnreachable: false };
}
