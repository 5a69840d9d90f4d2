/**
 * The authenticator of API keys, which clients send as `Authorization: Bearer mcpk_…`. Keys are
 * compared by their digests. A key that was verified is remembered until it expires or is revoked,
 * so its next request costs a digest, and neither a store access nor a promise. Not here: how keys
 * are made and revoked (key_ring.ts).
 */
import * as v from "valibot";
import { ConfigError } from "../config/config_error.ts";
import type { Principal } from "../model.ts";
import type {
  Authentication,
  Authenticator,
  AuthenticatorDeps,
  Challenge,
} from "./authenticator.ts";
import { bearerToken, isSameDigest, refuseUrlToken } from "./bearer.ts";
import { keyPrefix, keyPrincipal } from "./key_ring.ts";
import type { StoredKey } from "./key_store.ts";
import { createKeyUse } from "./key_use.ts";
import { createVerifiedTokens } from "./verified_tokens.ts";

/** The kind's name, in `MCP_AUTH` and in principals. */
export const keyKind = "key";

const settingsForm = v.strictObject({});

const none: Challenge = { code: "unauthenticated" };
const missing: Challenge = {
  code: "unauthenticated",
  message: "A key is required: send the header Authorization: Bearer KEY",
};
const unknown: Challenge = {
  code: "unauthenticated",
  error: "invalid_token",
  message: "The key is unknown or was revoked",
};
const expired: Challenge = {
  code: "unauthenticated",
  error: "invalid_token",
  message: "The key has expired",
};

/** Makes the authenticator. Rejects with a ConfigError if it has settings, of which there are none. */
export async function createKeyAuthenticator(deps: AuthenticatorDeps): Promise<Authenticator> {
  const { config, keys, runtime, bus, clock, log } = deps;
  assertSettings(deps.settings);
  const verified = createVerifiedTokens(deps);
  const uses = createKeyUse(deps);
  /** Tokens of other shapes are for other kinds, if there are any. */
  const isAlone = (config.auth?.kinds.length ?? 1) === 1;
  const absent = isAlone ? missing : none;

  const verify = async (digest: string): Promise<Authentication> => {
    const began = verified.generation;
    const found = await keys.find(digest);
    if (found === undefined || !isSameDigest(found.digest, digest)) return unknown;
    const { expiresAt } = found;
    if (expiresAt !== undefined && expiresAt <= clock.wall()) return expired;
    const principal = toPrincipal(found);
    verified.put(digest, principal, expiresAt, began);
    uses.note(principal);
    return principal;
  };
  const unsubscribe = bus.subscribe(
    "accessRevoked",
    ({ principal }) => verified.forget(({ id }) => principal === undefined || id === principal),
  );
  if ((await keys.all()).length === 0) log.warn(`No key exists yet, so ${howToAdd(deps)}`);

  return {
    authenticate(request) {
      const misplaced = refuseUrlToken(request);
      if (misplaced !== undefined) return misplaced;
      const token = bearerToken(request.headers);
      if (token === undefined) return absent;
      if (!token.startsWith(keyPrefix)) return isAlone ? unknown : absent;
      const digest = runtime.sha256(token);
      const known = verified.get(digest);
      if (known === undefined) return verify(digest);
      uses.note(known);
      return known;
    },
    close() {
      unsubscribe();
      return uses.close();
    },
  };
}

function assertSettings(settings: unknown): void {
  const result = v.safeParse(settingsForm, settings);
  if (result.success) return;
  const place = v.getDotPath(result.issues[0]);
  throw new ConfigError([
    `Cannot use ${
      JSON.stringify(place)
    } of auth.key in mcp.json: the kind "key" has no settings; ` +
    "keys are made with mcp-wrapper keys add",
  ]);
}

function howToAdd({ config }: Pick<AuthenticatorDeps, "config">): string {
  return (config.auth?.kinds.length ?? 1) === 1
    ? "no client can connect: make one with mcp-wrapper keys add NAME"
    : "no client can connect with one: make one with mcp-wrapper keys add NAME";
}

function toPrincipal({ name, roles, servers, tools, expiresAt }: StoredKey): Principal {
  return {
    id: keyPrincipal(name),
    kind: keyKind,
    ...(roles.length > 0 && { roles }),
    ...(servers !== undefined && { servers }),
    ...(tools !== undefined && { tools }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}
