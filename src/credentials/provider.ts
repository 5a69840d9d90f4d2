/**
 * What a credential provider is made from: what the configuration says of one server, and what all
 * providers share. A kind is one function and one row in `kinds.ts`. Types only.
 */
import type { Clock } from "../clock.ts";
import type { CredentialsConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Authorization } from "../outgoing/authorization.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** What all providers share. */
export interface CredentialDeps {
  readonly runtime: Pick<Runtime, "request" | "readText">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one provider is made from. */
export interface ProviderOptions {
  /** The server's name. */
  readonly server: string;
  readonly credentials: CredentialsConfig;
  /** See `HttpServerConfig.anonymousTools`. */
  readonly anonymousTools?: readonly string[] | undefined;
  /** For a log-in call: where the API is, and what is shown to it there. */
  readonly baseUrl?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What is shown beside these credentials. */
  readonly beside?: Authorization | undefined;
}
