/**
 * The authenticator of API keys, which clients send as `Authorization: Bearer mcpk_…`. Keys are
 * compared by their digests. Not here: how keys are made and revoked (key_ring.ts).
 */
import * as v from "valibot";
import { readKindSettings } from "../config/kind_settings.ts";
import type { Principal } from "../model.ts";
import { keyPrincipal } from "../principals.ts";
import type { Authenticator, AuthenticatorDeps, Challenge } from "./authenticator.ts";
import { isSameDigest } from "./bearer.ts";
import { createBearerAuthenticator, isOnlyKind, type ValidToken } from "./bearer_authenticator.ts";
import { keyPrefix } from "./key_ring.ts";
import type { StoredKey } from "./key_store.ts";
import { createKeyUse } from "./key_use.ts";

/** The kind's name, in `MCP_AUTH` and in principals. */
export const keyKind = "key";

const settingsForm = v.strictObject(
  {},
  "no settings: keys are made with mcp-wrapper keys add",
);

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
  const { config, keys, clock, log, settings } = deps;
  readKindSettings(keyKind, settingsForm, settings);
  const uses = createKeyUse(deps);
  const isOnly = isOnlyKind(config);
  if ((await keys.all()).length === 0) {
    const what = isOnly ? "no client can connect" : "no client can connect with one";
    log.warn(`No key exists yet, so ${what}: make one with mcp-wrapper keys add NAME`);
  }
  const bearer = createBearerAuthenticator<ValidToken>(deps, {
    // Without other kinds, the client can be told what is missing.
    absent: isOnly ? missing : { code: "unauthenticated" },
    invalid: unknown,
    hasForm: (token) => token.startsWith(keyPrefix),
    async verify(_token, digest) {
      const found = await keys.find(digest);
      if (found === undefined || !isSameDigest(found.digest, digest)) return unknown;
      const { expiresAt } = found;
      if (expiresAt !== undefined && expiresAt <= clock.wall()) return expired;
      return { principal: toPrincipal(found), expiresAt };
    },
    admit({ principal }) {
      uses.note(principal);
      return principal;
    },
  });
  return {
    ...bearer,
    close() {
      bearer.close();
      return uses.close();
    },
  };
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
