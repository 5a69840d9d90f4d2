/** What the operator may know of grants: no token. */
import type { Clock } from "../clock.ts";
import type { GrantFailure, StoredGrant } from "./grant.ts";
import type { KeptGrants } from "./kept_grants.ts";
import type { GrantReport } from "./server_grants.ts";

/** The report of one grant; what is known in memory is newer than what is stored. */
export function toGrantReport(
  { key, grant }: StoredGrant,
  kept: KeptGrants,
  clock: Clock,
): GrantReport {
  if (grant === "unreadable") {
    return { ...key, scopes: [], grantedAt: 0, isRefreshable: false, failure: unreadable(clock) };
  }
  const known = kept.peek(key.server, key.principal).find(({ stored }) =>
    stored?.key.issuer === key.issuer && stored.key.resource === key.resource
  );
  const failed = known?.failed === undefined
    ? undefined
    : { problem: known.failed.problem, at: clock.wall(), isFinal: false };
  const { scopes, grantedAt, expiresAt, refreshToken, refreshedAt, failure = failed } = grant;
  return {
    ...key,
    scopes,
    grantedAt,
    expiresAt,
    isRefreshable: refreshToken !== undefined,
    refreshedAt,
    failure,
  };
}

function unreadable(clock: Clock): GrantFailure {
  return {
    problem: "has a stored grant that cannot be opened with this gateway's key; restore the " +
      "former MCP_SECRET or secret.key, or log in again",
    at: clock.wall(),
    isFinal: true,
  };
}
