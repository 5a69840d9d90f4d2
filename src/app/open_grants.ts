/** Opens the grants of a gateway at protected servers. */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { createServerGrants } from "../grants/create_server_grants.ts";
import type { ServerGrants } from "../grants/server_grants.ts";
import type { Limits } from "../limits.ts";
import type { LogSink } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { OpenedStores } from "../store/stores.ts";
import type { Events } from "../telemetry/events.ts";
import { identity } from "../version.ts";

/** What the grants are opened with. */
export interface OpenGrantsOptions {
  readonly config: Pick<GatewayConfig, "publicUrl">;
  readonly runtime: Runtime;
  readonly opened: OpenedStores;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly events: Events;
  readonly log: LogSink;
}

/** Opens the grants; nothing is read before a server needs one. */
export function openGrants(
  { config, opened, events, log, ...shared }: OpenGrantsOptions,
): ServerGrants {
  return createServerGrants({
    ...shared,
    store: opened.stores.grants,
    records: opened.stores.logins,
    emit: events.emit,
    log: log.source("grants"),
    addSecrets: log.addPassingSecrets,
    publicUrl: config.publicUrl,
    identity,
  });
}
