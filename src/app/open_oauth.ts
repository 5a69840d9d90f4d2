/** Opens the authorization server of a gateway whose clients may authenticate by `oauth`. */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { createOAuthServer } from "../oauth/create_oauth_server.ts";
import type { OAuthServer } from "../oauth/oauth_server.ts";
import { readOAuthSettings } from "../oauth/oauth_settings.ts";
import { endForgotten } from "../oauth/revocation.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { OpenedStores } from "../store/stores.ts";
import type { Events } from "../telemetry/events.ts";

/** The name of the kind, and of its settings in `auth`. */
const kind = "oauth";

/** What the server is opened with. */
export interface OpenOAuthOptions {
  readonly config: GatewayConfig;
  readonly runtime: Runtime;
  readonly opened: OpenedStores;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly events: Events;
  readonly log: Log;
}

/** Opens the server; undefined if the kind is not in use. Rejects with a ConfigError. */
export async function openOAuth(
  { config, opened, events, log, ...shared }: OpenOAuthOptions,
): Promise<OAuthServer | undefined> {
  if (config.auth?.kinds.includes(kind) !== true) return undefined;
  const settings = await readOAuthSettings({ ...config.auth.settings[kind] });
  const store = opened.stores.oauth;
  const { emit } = events;
  await endForgotten({ store, settings, emit, bus: shared.bus });
  return createOAuthServer({
    ...shared,
    settings,
    store,
    records: opened.stores.logins,
    sealer: opened.sealer,
    emit,
    log: log.source("oauth"),
  });
}
