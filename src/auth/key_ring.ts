/**
 * Adds, lists and revokes API keys. A key is shown once, when it is made; the store has its digest.
 * Not here: how a request with a key is authenticated (api_key.ts).
 */
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { keyPrincipal } from "../principals.ts";
import { makeKey, sha256Hex } from "../seal.ts";
import { AccessError } from "../access_error.ts";
import { type ListedKey, type NewKey, readNewKey, toListedKey } from "./key_form.ts";
import type { KeyStore } from "./key_store.ts";

/** What every key begins with, so that scanners for leaked secrets find it. */
export const keyPrefix = "mcpk_";

/** A key that was made. */
export interface MadeKey {
  readonly name: string;
  /** The key itself, which no one can read later. */
  readonly key: string;
}

/** The keys of a gateway. Each function rejects with an AccessError. */
export interface KeyRing {
  /** All keys, by name. */
  list(): Promise<readonly ListedKey[]>;
  /** Makes a key, which is valid at once. */
  add(key: NewKey): Promise<MadeKey>;
  /** Revokes a key: requests with it are refused from now on. */
  revoke(name: string): Promise<void>;
}

/** What the ring is made from. */
export interface KeyRingDeps {
  readonly store: KeyStore;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** Makes the ring of a store. */
export function createKeyRing({ store, bus, clock, limits, log }: KeyRingDeps): KeyRing {
  return {
    async list() {
      const keys = await store.all();
      return keys.map((key) => toListedKey(key, clock.wall()));
    },
    async add(given) {
      const { name, roles = [], servers, tools, expiresAt: end } = readNewKey(given, limits);
      const createdAt = clock.wall();
      const expiresAt = end === undefined ? undefined : Date.parse(end);
      if (expiresAt !== undefined && !(expiresAt > createdAt)) {
        throw new AccessError(
          "access_invalid",
          `Cannot use "expiresAt" of a key: ${end} is not in the future`,
        );
      }
      const { length: count } = await store.all();
      if (count >= limits.accessKeysMax) {
        throw new AccessError(
          "access_full",
          `Cannot add key "${name}": there are ${count} keys already; revoke one first`,
        );
      }
      const key = `${keyPrefix}${makeKey()}`;
      const digest = await sha256Hex(key);
      const made = { name, digest, roles, servers, tools, createdAt, expiresAt, usedAt: undefined };
      if (!await store.add(made)) {
        throw new AccessError(
          "access_taken",
          `Cannot add key "${name}": there is one of this name; revoke it first, or choose another`,
        );
      }
      log.info("Added a key", { name, roles: given.roles, servers, tools, expiresAt: end });
      return { name, key };
    },
    async revoke(name) {
      if (!await store.remove(name)) {
        throw new AccessError(
          "access_unknown",
          `Cannot find key ${JSON.stringify(name)}; "keys list" shows the names`,
        );
      }
      log.info("Revoked a key", { name });
      bus.publish("accessRevoked", { principal: keyPrincipal(name), reason: "key revoked" });
    },
  };
}
