/** What the grants of a gateway are made from. Types only. */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { LoginRecords } from "../login_records.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Emit } from "../telemetry/events.ts";
import type { GrantStore } from "./grant.ts";

/** What requests to servers and authorization servers need. */
export interface IssuerDeps {
  readonly runtime: Pick<Runtime, "request">;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

/** What all parts share. */
export interface GrantDeps extends IssuerDeps {
  readonly runtime: Pick<Runtime, "request" | "readText" | "sha256" | "nextTurn">;
  readonly emit: Emit;
  readonly bus: Bus;
  readonly store: GrantStore;
  readonly records: LoginRecords;
  /** Hides these values from the log from now on. */
  readonly addSecrets: (values: readonly string[]) => void;
  /** The base URL of the gateway, if it has one that does not depend on a request. */
  readonly publicUrl: string | undefined;
  /** How the gateway calls itself at an authorization server. */
  readonly identity: { readonly name: string; readonly version: string };
}
