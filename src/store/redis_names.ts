/** The names of rows in the engine that their stores find by name alone. */
import { toCredentialKind } from "../credentials/provider.ts";
import { sharedPrincipal } from "../model.ts";
import type { RedisConnection, RedisReply, RedisScript } from "../redis/redis_connection.ts";
import type { StoredNames } from "./stores.ts";

/** The keys of all sessions: the members of two sets, up to the space. */
const sessionKeys: RedisScript = {
  lua: `local keys = {}
for _, kind in ipairs({':new', ':used'}) do
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1] .. kind, 0, -1)) do
    table.insert(keys, string.match(member, '^[^ ]*'))
  end
end
return keys`,
};

/** The digests of all tokens, which are in the sets of their grants. */
const tokenDigests: RedisScript = {
  lua: `local digests = {}
for _, id in ipairs(redis.call('HKEYS', KEYS[1] .. ':grants')) do
  for _, digest in ipairs(redis.call('ZRANGE', KEYS[1] .. ':of:' .. id, 0, -1)) do
    table.insert(digests, digest)
  end
end
return digests`,
};

/** Reads them. */
export function createRedisNames(engine: RedisConnection): StoredNames {
  const rows = async (table: string) =>
    toTexts(await engine.send(["ZRANGE", `${engine.key("rows", table)}:all`, "0", "-1"]))
      .map((id) => (JSON.parse(id) as readonly unknown[]).map(String));
  return {
    sessions: async () => toTexts(await engine.run(sessionKeys, [engine.key("sessions")])),
    tokens: async () => toTexts(await engine.run(tokenDigests, [engine.key("oauth")])),
    registrations: async () =>
      (await rows("registrations"))
        .map(([issuer = "", redirectUri = ""]) => ({ issuer, redirectUri })),
    credentials: async () =>
      (await rows("credentials"))
        .map(([server = "", kind = "", binding = "", principal = sharedPrincipal.id]) => ({
          server,
          principal,
          kind: toCredentialKind(kind),
          binding,
        })),
  };
}

function toTexts(reply: RedisReply): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}
