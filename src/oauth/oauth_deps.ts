/** What the parts of the authorization server share. Types only. */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { LoginRecords } from "../login_records.ts";
import type { Log } from "../log.ts";
import type { JsonObject } from "../model.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Sealer } from "../seal.ts";
import type { Emit } from "../telemetry/events.ts";
import type { AddressRate } from "./address_rate.ts";
import type { OAuthSettings } from "./oauth_settings.ts";
import type { OAuthStore } from "./oauth_store.ts";

/** The parts. */
export interface OAuthDeps {
  readonly settings: OAuthSettings;
  readonly store: OAuthStore;
  readonly records: LoginRecords;
  readonly sealer: Pick<Sealer, "digest">;
  readonly runtime: Pick<Runtime, "request">;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  readonly emit: Emit;
  /** How often a grant may get a new pair of tokens, by its id. */
  readonly refreshRate: AddressRate;
  /** The key set at a client's URL, for an address; undefined if it cannot be read. */
  readonly readKeys: (url: string, address?: string) => Promise<JsonObject | undefined>;
}
