/**
 * Whether other machines can reach the gateway. Then clients must authenticate, or the operator must
 * say that they need not.
 */
import type { GatewayConfig } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { isLoopback } from "./loopback.ts";

/** The part of the configuration that decides. */
export type ReachConfig = Pick<GatewayConfig, "host" | "publicUrl" | "trustedProxies" | "auth">;

/** One way in which others reach the gateway. */
interface Reach {
  /** The setting, for an error. */
  readonly setting: string;
  /** What the gateway does, for a warning. */
  readonly words: string;
}

/** One row for each way: undefined if this configuration does not have it. */
const ways: readonly ((config: ReachConfig) => Reach | undefined)[] = [
  ({ host }) =>
    isLoopback(host) ? undefined : {
      setting: `MCP_HOST or --host ${JSON.stringify(host)}`,
      words: `Listening on ${host}`,
    },
  ({ publicUrl }) =>
    publicUrl === undefined || isLoopback(new URL(publicUrl).hostname) ? undefined : {
      setting: `MCP_PUBLIC_URL=${publicUrl}`,
      words: `Reachable as ${publicUrl}`,
    },
  ({ trustedProxies = [] }) =>
    trustedProxies.length === 0 ? undefined : {
      setting: `MCP_TRUSTED_PROXIES=${trustedProxies.join(",")}`,
      words: `Reachable through ${trustedProxies.join(", ")}`,
    },
];

function reachesOf(config: ReachConfig): readonly Reach[] {
  return ways.map((way) => way(config)).filter((reach) => reach !== undefined);
}

/** Whether clients authenticate with this configuration. */
export function authenticates({ auth }: Pick<GatewayConfig, "auth">): boolean {
  return auth !== undefined && !auth.kinds.includes("none");
}

/** Whether clients on other machines can reach a gateway that does not ask who they are. */
export function isOpenToOthers(config: ReachConfig): boolean {
  return !authenticates(config) && reachesOf(config).length > 0;
}

/**
 * A warning for each way in which other machines reach a gateway without authentication. Throws a
 * ConfigError if they could without the operator's consent.
 */
export function checkReach(config: ReachConfig, isConsented: boolean): readonly string[] {
  if (authenticates(config)) return [];
  const reaches = reachesOf(config);
  if (reaches.length > 0 && !isConsented) {
    const settings = reaches.map(({ setting }) => setting).join(" and ");
    throw new ConfigError([
      `Cannot start without authentication with ${settings}: every machine that can reach the ` +
      "gateway could run every tool; set MCP_AUTH=key and make a key for each client with " +
      "mcp-wrapper keys add NAME, set MCP_AUTH=oauth and add people with mcp-wrapper users add " +
      "NAME, use localhost alone, or set MCP_ALLOW_UNAUTHENTICATED=true",
    ]);
  }
  return reaches.map(({ words }) =>
    `${words} without authentication, as MCP_ALLOW_UNAUTHENTICATED says: every machine that can ` +
    "reach this one can run every tool"
  );
}
