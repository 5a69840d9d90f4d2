/**
 * The policy of a running gateway. It joins three parts, of which the strictest counts: the limits of
 * the principal's credentials, the rows of `access` in `mcp.json`, and the policy of the program
 * around the gateway. Not here: how rows match (access_decision.ts).
 */
import type { AccessRow } from "../config/access_rows.ts";
import { anonymousPrincipal, type Principal } from "../model.ts";
import { isReserved } from "../principals.ts";
import {
  concerns,
  decideItem,
  decideServer,
  decideStrictest,
  matchesAny,
  stricter,
} from "./access_decision.ts";
import { type Access, allowAll, type Policy, type PolicyItem } from "./access_policy.ts";

/** Makes the policy of a gateway from that of its program and the rows of `access`. */
export function createAccess(own: Policy, first: readonly AccessRow[] | undefined): Access {
  let rows = createRows(first);
  return {
    policy(principal, server, item) {
      const limited = withinLimits(principal, server, item);
      if (limited === "deny") return limited;
      const ofRows = rows.decide(principal, server, item);
      return own === allowAll || ofRows === "deny"
        ? ofRows
        : stricter(ofRows, own(principal, server, item));
    },
    strictest(principal, server) {
      // Nothing is known of the program's own policy.
      if (own !== allowAll || principal.tools !== undefined) return "deny";
      if (withinLimits(principal, server) === "deny") return "deny";
      return rows.strictest(principal, server);
    },
    isSameForAll: ({ id }) =>
      own === allowAll && id === anonymousPrincipal.id && !rows.decidesAnything,
    replace(next) {
      const before = rows;
      const after = rows = createRows(next);
      return (principal) => before.textFor(principal) !== after.textFor(principal);
    },
  };
}

/** What the credentials of a principal are limited to: tools alone, if they name tools. */
function withinLimits(
  { servers, tools }: Principal,
  server: string,
  item?: PolicyItem,
): "allow" | "deny" {
  if (servers !== undefined && !matchesAny(servers, server)) return "deny";
  if (tools === undefined || item === undefined) return "allow";
  return item.kind === "tools" && matchesAny(tools, item.own) ? "allow" : "deny";
}

/** The rows of one reading of `mcp.json`. */
interface Rows {
  readonly decidesAnything: boolean;
  readonly decide: Policy;
  readonly strictest: Access["strictest"];
  /** Equal for two readings in which the same rows concern the principal. */
  textFor(principal: Principal): string;
}

function createRows(all: readonly AccessRow[] = []): Rows {
  const rows = all.filter(({ what }) => what !== undefined);
  if (rows.length === 0) {
    return {
      decidesAnything: false,
      decide: allowAll,
      strictest: () => "allow",
      textFor: () => "",
    };
  }
  /** Authenticators reuse their principals, so that each is looked at once. */
  const byPrincipal = new WeakMap<Principal, Map<string, readonly AccessRow[]>>();
  const rowsFor = (principal: Principal, server: string): readonly AccessRow[] => {
    let byServer = byPrincipal.get(principal);
    if (byServer === undefined) byPrincipal.set(principal, byServer = new Map());
    let found = byServer.get(server);
    if (found === undefined) {
      found = rows.filter((row) =>
        concerns(row, principal) && (row.servers === undefined || matchesAny(row.servers, server))
      );
      byServer.set(server, found);
    }
    return found;
  };
  return {
    decidesAnything: true,
    decide(principal, server, item) {
      if (isReserved(principal)) return "allow";
      const found = rowsFor(principal, server);
      return item === undefined ? decideServer(found) : decideItem(found, item);
    },
    strictest: (principal, server) =>
      isReserved(principal) ? "allow" : decideStrictest(rowsFor(principal, server)),
    textFor: (principal) =>
      isReserved(principal)
        ? ""
        : JSON.stringify(["", ...rows.filter((row) => concerns(row, principal))]),
  };
}
