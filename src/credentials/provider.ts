/**
 * What a credential provider is, and what it is made from: what the configuration says of one
 * server, and what all providers share. A kind is one function and one row in
 * `credential_kinds.ts`. Beside its outcome a provider says whether it could only not be reached,
 * which is all that may ever be forgiven (fallback.ts). Types only.
 */
import type { Clock } from "../clock.ts";
import type { CredentialsConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { Authorization, CredentialUse, SecurityContext } from "../outgoing/authorization.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** Which stored credential is meant. */
export interface CredentialKey {
  readonly server: string;
  /** The id of the principal that it is for; that of `sharedPrincipal`: it serves all of them. */
  readonly principal: string;
  readonly kind: "oauth2" | "login";
  /** Digest of all that it was got with: another configuration finds none. */
  readonly binding: string;
}

/**
 * Keeps credentials across restarts, sealed, and which scopes were authenticated. Rejects nothing
 * by itself.
 */
export interface CredentialStore {
  /** `unreadable`: there is one, and it cannot be opened or be read. */
  load(key: CredentialKey): Promise<JsonObject | "unreadable" | undefined>;
  /** Whether it is kept; in the place of what was. */
  save(key: CredentialKey, value: JsonObject): Promise<boolean>;
  /** Runs `work` while no other provider works on this credential. */
  inTurn<Value>(key: CredentialKey, work: () => Promise<Value>): Promise<Value>;
  /** Records that credentials were sent to this server for a scope. */
  noteScope(server: string, scope: string): Promise<void>;
  /** Whether credentials were ever sent for this scope; true if that is unknown. */
  knowsScope(server: string, scope: string): Promise<boolean>;
  /** The scope is over, and never comes again. */
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
  /** See `RestServerConfig.anonymousTools`; absent: there never are any, whatever is configured. */
  readonly anonymousTools?: readonly string[] | undefined;
  /** For a log-in call: where the API is, and what is shown to it there. */
  readonly baseUrl?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What is shown beside these credentials. */
  readonly beside?: Authorization | undefined;
}

/** No credential, and why: the words go on after the server's name. */
export interface CredentialFailure {
  readonly state: "failed";
  readonly problem: string;
  /** The issuer of the credential was unreachable; it refused nothing. */
  readonly isUnreachable: boolean;
  readonly retryAfterMs?: number | undefined;
}

/** What a provider has. */
export type Provision =
  | { readonly state: "ready"; readonly context: SecurityContext }
  | { readonly state: "needs_person"; readonly url: string }
  | CredentialFailure;

/** One kind at work for one server: as `Authorization`, before any failure is forgiven. */
export interface Provider {
  get(use: CredentialUse, signal: AbortSignal): Promise<Provision>;
  renew(context: SecurityContext, use: CredentialUse, signal: AbortSignal): Promise<boolean>;
}

/** A failure that nothing forgives. */
export function refuse(problem: string): CredentialFailure {
  return { state: "failed", problem, isUnreachable: false };
}
