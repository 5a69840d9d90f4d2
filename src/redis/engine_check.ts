/**
 * What the gateway looks at when it has connected: whether the engine is new enough, and whether its
 * settings can lose what was stored.
 */
import type { Log } from "../log.ts";
import type { RedisCommands } from "./redis_commands.ts";

/** The oldest version with sharded channels and the scripts' flags. */
const oldestVersion = 7;

/** Rejects with an error text when the engine is too old; warns of settings that lose data. */
export async function checkEngine(
  { key, run }: RedisCommands,
  { place, log }: { readonly place: string; readonly log: Log },
): Promise<void> {
  // Through a script, so that in a cluster the node answers that has the keys.
  const info = String(await run(readInfo, [key("probe")]));
  const version = valueIn(info, "redis_version") ?? "unknown";
  if (!(Number.parseInt(version, 10) >= oldestVersion)) {
    throw new Error(
      `Cannot use the engine of MCP_STORE at ${place}: its version is ${version}, and Redis ` +
        `${oldestVersion}.0 or newer, or Valkey, is needed`,
    );
  }
  log.info("Connected to the engine", {
    place,
    version: valueIn(info, "valkey_version") ?? version,
  });
  const policy = valueIn(info, "maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction" && valueIn(info, "maxmemory") !== "0") {
    log.warn(
      "The engine may drop what the gateway stored: set its maxmemory-policy to noeviction",
      { place, policy },
    );
  }
  if (valueIn(info, "aof_enabled") === "0") {
    log.info(
      "The engine has no append-only file: if it crashes, sessions since its last snapshot are lost",
      { place },
    );
  }
}

const readInfo = {
  lua: "return redis.call('INFO', 'server') .. redis.call('INFO', 'memory') .. " +
    "redis.call('INFO', 'persistence')",
};

function valueIn(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
}
