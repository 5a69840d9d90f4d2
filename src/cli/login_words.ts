/** Log-ins at servers in words: for `auth status`, `status`, `test` and `doctor`. */
import { defaultLimits } from "../limits.ts";
import type { GrantView, LoginView } from "./admin_forms.ts";
import { toWords } from "./table.ts";
import type { Style } from "./colours.ts";
import { toAgo, toDuration } from "./times.ts";

/** Whose grant it is. */
export function toOwner({ principal }: Pick<GrantView, "principal">): string {
  return principal ?? "all";
}

/** The state of a server's log-ins. */
export function toLoginWords({ state, grants, problem }: LoginView): {
  readonly words: string;
  readonly style: Style | undefined;
} {
  switch (state) {
    case "granted":
      return { words: `granted to ${[...new Set(grants.map(toOwner))].join(", ")}`, style: "good" };
    case "needed":
      return { words: "log-in needed", style: "warn" };
    case "impossible":
      return { words: `no log-in possible: ${problem ?? "unknown reason"}`, style: "bad" };
    default:
      return { words: "no log-in needed so far", style: "faint" };
  }
}

/** When a grant ends: "in 12 min, renewed by itself". */
export function toExpiry({ expiresAt, isRefreshable }: GrantView, now: number): string {
  const renewal = isRefreshable ? ", renewed by itself" : "";
  if (expiresAt === undefined) return `unknown${renewal}`;
  const ms = Date.parse(expiresAt) - now;
  if (ms > 0) return `in ${toDuration(ms)}${renewal}`;
  return isRefreshable ? "expired, renewed at the next call" : "expired: log in again";
}

/** How the latest refresh went: "3 min ago", "failed 1 min ago: …". */
export function toRefresh({ refreshedAt, failure }: GrantView, now: number): string {
  if (failure !== undefined) {
    const problem = toWords(failure.problem, defaultLimits.describedCharsMax);
    const end = failure.isFinal ? "; log in again" : "; tried again at the next call";
    return `failed ${toAgo(Date.parse(failure.at), now)}: ${problem}${end}`;
  }
  return refreshedAt === undefined ? "never" : toAgo(Date.parse(refreshedAt), now);
}

/** What was granted, in one text. */
export function toScopes({ scopes }: Pick<GrantView, "scopes">): string {
  return scopes.length === 0 ? "-" : toWords(scopes.join(" "), defaultLimits.describedCharsMax);
}

/** A server's log-ins in a few lines: the state, then each grant; empty if none is asked for. */
export function toLoginLines(login: LoginView | undefined, now: number): string[] {
  if (login === undefined || !isShown(login)) return [];
  const { words } = toLoginWords(login);
  return login.grants.length === 0 ? [words] : login.grants.map((grant) => toGrantLine(grant, now));
}

/** Whether there is something to say of the log-ins of a server. */
export function isShown({ state, grants }: Pick<LoginView, "state" | "grants">): boolean {
  return state === "needed" || grants.length > 0;
}

/** One grant: to whom, for what, until when, and how its last refresh went. */
export function toGrantLine(grant: GrantView, now: number): string {
  return `granted to ${toOwner(grant)}: scopes ${toScopes(grant)}; ` +
    `expires ${toExpiry(grant, now)}; last refresh ${toRefresh(grant, now)}`;
}
