/**
 * Ends grants: they are forgotten at once, and revoked at their authorization servers (RFC 7009) if
 * those can be reached within a short time.
 */
import type { GrantKey, StoredGrant } from "./grant.ts";
import { toGrantProblem } from "./grant_problem.ts";
import type { GrantSourceDeps } from "./grant_source.ts";
import { revokeTokens } from "./issuer_tokens.ts";
import type { ProtectedServer } from "./server_grants.ts";

/** Finds a server by its name; undefined if it is in the configuration no more. */
export type FindServer = (name: string) => ProtectedServer | undefined;

/** Forgets and revokes these grants; never rejects. */
export async function endGrants(
  grants: readonly StoredGrant[],
  find: FindServer,
  deps: GrantSourceDeps,
): Promise<void> {
  await forgetGrants(grants, deps);
  await revokeGrants(grants, find, deps);
}

/** Forgets all of them before an issuer is asked, since that may not answer. Never rejects. */
export async function forgetGrants(
  grants: readonly StoredGrant[],
  deps: Pick<GrantSourceDeps, "store" | "kept" | "bus">,
): Promise<void> {
  for (const { key } of grants) await forgetOne(key, deps);
}

/** Revokes grants that were forgotten; never rejects. */
export async function revokeGrants(
  grants: readonly StoredGrant[],
  find: FindServer,
  deps: GrantSourceDeps,
): Promise<void> {
  const left = [...grants];
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      await revokeOne(next, find(next.key.server), deps);
    }
  };
  await Promise.all(Array.from({ length: deps.limits.grantRevocationsMax }, work));
}

async function forgetOne(
  key: GrantKey,
  { store, kept, bus }: Pick<GrantSourceDeps, "store" | "kept" | "bus">,
): Promise<void> {
  const { server: name, principal } = key;
  const peeked = kept.peek(name, principal).filter(({ stored }) => stored !== undefined);
  const own = peeked.filter(({ stored }) => stored !== undefined && isSame(stored.key, key));
  // Those who hold it see that it is gone.
  for (const one of own) one.stored = undefined;
  if (peeked.length === own.length) {
    kept.drop(name, principal);
    bus.publish("grantChanged", { server: name, principal, isGranted: false });
  }
  await store.remove(key);
  bus.publish("storeChanged", { what: "grants", server: name, principal });
}

async function revokeOne(
  { key, grant }: StoredGrant,
  server: ProtectedServer | undefined,
  deps: GrantSourceDeps,
): Promise<void> {
  const { emit } = deps;
  const { server: name, principal, issuer } = key;
  try {
    if (grant !== "unreadable") await revoke({ key, grant }, server, deps);
    emit({ type: "grant_step", step: "revoked", server: name, principal, issuer });
  } catch (thrown) {
    const { message: reason } = toGrantProblem(thrown);
    const step = "revocation_failed";
    emit({ type: "grant_step", step, server: name, principal, issuer, reason });
  }
}

async function revoke(
  { key, grant }: StoredGrant & { readonly grant: Exclude<StoredGrant["grant"], "unreadable"> },
  server: ProtectedServer | undefined,
  deps: GrantSourceDeps,
): Promise<void> {
  const late = new AbortController();
  const cancel = deps.clock.after(deps.limits.grantRevocationMs, () => late.abort());
  const signal = AbortSignal.any([late.signal, deps.closing]);
  // The resource was checked to be at the server's own origin.
  const target = server ?? { name: key.server, url: key.resource };
  try {
    const metadata = await deps.discovery.issuerOf(target, key.issuer, signal);
    if (metadata.revocationEndpoint === undefined) return;
    const client = await deps.clients.forGrant(server, metadata, grant, signal);
    const parties = { server: target, metadata, client };
    await revokeTokens(parties, grant, deps, signal);
  } finally {
    cancel();
  }
}

function isSame(one: GrantKey, other: GrantKey): boolean {
  return one.issuer === other.issuer && one.resource === other.resource;
}
