/**
 * How the gateway authenticates to a remote server: the seam between the caller (caller.ts), which
 * sends credentials to the server's own origin only, and the credential providers
 * (src/credentials/), which hold credentials, obtain them, or say why there are none.
 */
import { sharedPrincipal } from "../model.ts";
import type { RequestProof } from "./request_proof.ts";

/** What is sent with a request. Names of headers are in lower case. */
export interface SecurityContext {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, string>>;
  /**
   * Where requests of this log-in go, when the server said so; its origin is trusted with this
   * context.
   */
  readonly baseUrl?: string | undefined;
  /** Makes the proof of each request, where the token is bound to a key. */
  readonly proof?: RequestProof | undefined;
}

/** For whom and what a credential is wanted. */
export interface CredentialUse {
  /** The principal's id. */
  readonly principal: string;
  /**
   * A session's or a principal's scope: once authenticated, it never falls back to an
   * unauthenticated call.
   */
  readonly scope: string;
  /** The tool that is called, by its server's own name; absent for all that is no tool's call. */
  readonly tool?: string | undefined;
}

/** For what all principals share, such as the connection to a server. */
export const sharedUse: CredentialUse = { principal: sharedPrincipal.id, scope: "" };

/** What a provider has. */
export type Credential =
  | {
    readonly state: "ready";
    readonly context: SecurityContext;
    /** No credential could be had, and this use may go without; its result is marked. */
    readonly isDegraded: boolean;
  }
  /** A person has to log in at the server first; `problem` continues after the server's name. */
  | { readonly state: "needs_person"; readonly problem: string }
  /** `problem` goes on after the server's name: "cannot be logged in to: …"; without any secret. */
  | {
    readonly state: "failed";
    readonly problem: string;
    readonly retryAfterMs?: number | undefined;
  };

/** An answer that refuses credentials, or the lack of them. */
export interface Refusal {
  /** 401, or 403 with a challenge: more rights are needed (RFC 6750, section 3.1). */
  readonly status: number;
  /** The header `WWW-Authenticate`; undefined if there is none. */
  readonly challenge: string | undefined;
  /** The header `DPoP-Nonce` (RFC 9449, section 9); undefined if there is none. */
  readonly nonce: string | undefined;
}

/** Gives credentials of one server. */
export interface Authorization {
  /** Never rejects; `signal` gives the wait up, whose outcome is then of no interest. */
  get(use: CredentialUse, signal: AbortSignal): Promise<Credential>;
  /**
   * The server refused this context: whether `get` says something else now. Renewed once for all
   * who were refused it; false where nothing can be renewed.
   */
  renew(
    context: SecurityContext,
    use: CredentialUse,
    signal: AbortSignal,
    refusal: Refusal,
  ): Promise<boolean>;
  /** A scope is over, and never comes again: nothing needs to be remembered of it. */
  endScope?(scope: string): void;
}

/** Nothing is shown. */
export const emptyContext: SecurityContext = { headers: {}, query: {}, cookies: {} };

/** Authenticates to no server. */
export const noAuthorization: Authorization = {
  get: () => Promise.resolve({ state: "ready", context: emptyContext, isDegraded: false }),
  renew: () => Promise.resolve(false),
};
