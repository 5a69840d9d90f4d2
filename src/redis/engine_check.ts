/**
 * What the gateway looks at when it has connected: whether the engine is new enough and of the form
 * that MCP_STORE says, and whether its settings can lose what was stored.
 */
import type { EngineForm } from "../config/engine_url.ts";
import type { Log } from "../log.ts";
import type { RedisCommands } from "./redis_commands.ts";
import { reasonOf } from "./redis_fault.ts";

/** What is checked. */
export interface CheckedEngine {
  /** The form that its URL has. */
  readonly form: EngineForm;
  readonly place: string;
  readonly log: Log;
}

/** The oldest version with sharded channels and the scripts' flags. */
const oldestVersion = 7;

/** Rejects with an error text when the engine cannot be used; warns of settings that lose data. */
export async function checkEngine(
  { key, run }: RedisCommands,
  { form, place, log }: CheckedEngine,
): Promise<void> {
  const refuse = (reason: string): never => {
    throw new Error(`Cannot use the engine of MCP_STORE at ${place}: ${reason}`);
  };
  // Through a script, so that in a cluster the node answers that has the keys.
  const info = await run(readInfo, [key("probe")]).then(String, (fault) => {
    return refuse(reasonOf(fault).startsWith("MOVED ") ? isCluster : reasonOf(fault));
  });
  const version = valueIn(info, "redis_version") ?? "unknown";
  if (!(Number.parseInt(version, 10) >= oldestVersion)) {
    refuse(
      `its version is ${version}, and Redis ${oldestVersion}.0 or newer, or Valkey, is needed`,
    );
  }
  if (form !== "cluster" && valueIn(info, "cluster_enabled") === "1") refuse(isCluster);
  if (valueIn(info, "role") === "slave") {
    refuse("it is a replica, which takes no writes; name its master, or Sentinels that know it");
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

const isCluster = "it is a node of a cluster; write redis+cluster:// in place of redis://";

const readInfo = {
  lua: `return ${
    ["server", "memory", "persistence", "replication", "cluster"]
      .map((section) => `redis.call('INFO', '${section}')`).join(" .. ")
  }`,
};

function valueIn(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
}
