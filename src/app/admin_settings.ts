/** What the admin API gets of a gateway: its operator's side, and what it shows as it happens. */
import type { AdminSettings } from "../http/admin/admin_api.ts";
import { keepRecentCalls } from "../telemetry/recent_calls.ts";
import type { GatewayParts } from "./parts.ts";

/** What is made after the parts. */
type SteeredParts = Pick<AdminSettings, "operator" | "access" | "logins" | "self" | "metrics">;

/** The settings; undefined if no data directory keeps the tokens of the API. */
export function adminSettingsOf(
  { opened, events, clock, limits, log, recentLog, instances }: GatewayParts,
  steered: SteeredParts,
): AdminSettings | undefined {
  const { tokens, stores } = opened;
  return tokens && {
    ...steered,
    tokens,
    backup: stores.backup,
    instances,
    events,
    calls: keepRecentCalls({ events, clock, limits, log }),
    recentLog,
    hide: log.hide,
  };
}
