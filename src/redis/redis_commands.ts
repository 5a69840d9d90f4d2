/**
 * What can be asked of the engine: commands, and scripts in Lua. A script is known to the engine by
 * its digest. All keys share one hash tag, so that a script may touch several of them in a cluster.
 * Types, and what all commands have in common; how they are sent is in redis_connection.ts.
 */
import { bytesToHex } from "../bytes_text.ts";
import type { EngineConfig } from "../config/engine_url.ts";
import { RedisFault } from "./redis_fault.ts";

/** A script in Lua, which the engine runs in one step. */
export interface RedisScript {
  readonly lua: string;
}

/** What a command or script answers; a missing value is null. */
export type RedisReply = string | number | boolean | null | readonly RedisReply[];

/** Commands to the engine. Each rejects with a `RedisFault`. */
export interface RedisCommands {
  /** The name of a key or channel from its parts. */
  key(...parts: readonly string[]): string;
  /** One command; `args[1]` is its key. */
  send(args: readonly string[]): Promise<RedisReply>;
  /** Runs a script, which must name the keys in the order of `keys`; it has one at least. */
  run(
    script: RedisScript,
    keys: readonly string[],
    args?: readonly (string | number)[],
  ): Promise<RedisReply>;
  get(key: string): Promise<string | undefined>;
  /** With `ttlMs` the key ends by itself. */
  set(key: string, value: string, ttlMs?: number): Promise<void>;
  remove(keys: readonly string[]): Promise<void>;
}

/** The commands that go through one function. */
export function commandsOn(
  { prefix }: Pick<EngineConfig, "prefix">,
  send: RedisCommands["send"],
): RedisCommands {
  return {
    key: (...parts) => `{${prefix}}:${parts.join(":")}`,
    send,
    async run(script, keys, args = []) {
      const rest = [String(keys.length), ...keys, ...args.map(String)];
      const digest = digests.get(script);
      if (digest === undefined) {
        // It is sent at once, so that commands keep their order.
        noteDigest(script);
        return await send(["EVAL", script.lua, ...rest]);
      }
      try {
        return await send(["EVALSHA", digest, ...rest]);
      } catch (fault) {
        // An engine that started again knows no scripts; what it refused had no effect.
        if (!(fault instanceof RedisFault) || !fault.reason.startsWith("NOSCRIPT")) throw fault;
        return await send(["EVAL", script.lua, ...rest]);
      }
    },
    async get(key) {
      const value = await send(["GET", key]);
      return typeof value === "string" ? value : undefined;
    },
    async set(key, value, ttlMs) {
      await send([
        "SET",
        key,
        value,
        ...(ttlMs === undefined ? [] : ["PX", String(Math.ceil(ttlMs))]),
      ]);
    },
    async remove(keys) {
      if (keys.length > 0) await send(["UNLINK", ...keys]);
    },
  };
}

/** The digests by which the engine knows scripts: SHA-1 in hex. */
const digests = new WeakMap<RedisScript, string>();
const encoder = new TextEncoder();

function noteDigest(script: RedisScript): void {
  crypto.subtle.digest("SHA-1", encoder.encode(script.lua)).then(
    (bytes) => digests.set(script, bytesToHex(new Uint8Array(bytes))),
    // Without it, the script is sent in full each time.
    () => {},
  );
}
