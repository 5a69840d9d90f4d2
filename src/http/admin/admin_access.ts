/**
 * Who may do what in the admin API. The owner's token is for the command line of the same account,
 * the operator's for a monitor, and the token of a page that is logged in has the same rights. Whether a change of a server's entry starts a program,
 * or shows secrets or files of this machine to another one, is decided here, too.
 */
import { urlKeys } from "../../config/remote_server.ts";
import { isJsonObject } from "../../json.ts";
import { operatorPrincipal, ownerPrincipal, type Principal } from "../../model.ts";
import { bearerToken, isSameToken } from "../../auth/bearer.ts";
import { AdminError } from "./admin_errors.ts";
import type { PageLogin, PageLogins } from "./page_logins.ts";

/** The tokens of the data directory. */
export interface AdminTokens {
  readonly owner: string;
  readonly operator: string;
}

/** Whose token a request carries. */
export type AdminRole = keyof AdminTokens;

/** What a route asks for: no token, any of them, or the owner's. */
export type AdminRight = "none" | "operator" | "owner";

/** The principal of each role's calls. */
const principals: Readonly<Record<AdminRole, Principal>> = {
  owner: ownerPrincipal,
  operator: operatorPrincipal,
};

/** Whose token a request carries, and the log-in of the page if it is a page's. */
export interface AdminHolder {
  readonly role: AdminRole;
  /** For its calls. */
  readonly principal: Principal;
  readonly login: PageLogin | undefined;
}

/** Who sends a request. Rejects with `unauthenticated`. */
export async function holderOf(
  { headers }: Request,
  tokens: AdminTokens,
  pages: Pick<PageLogins, "find">,
): Promise<AdminHolder> {
  const shown = bearerToken(headers);
  if (shown === undefined) throw unauthenticated("");
  const [isOwner, isOperator] = await Promise.all([
    isSameToken(tokens.owner, shown),
    isSameToken(tokens.operator, shown),
  ]);
  const login = pages.find(shown);
  const role = isOwner ? "owner" : isOperator || login !== undefined ? "operator" : undefined;
  if (role !== undefined) return { role, principal: login?.principal ?? principals[role], login };
  throw unauthenticated(', error="invalid_token"');
}

function unauthenticated(detail: string): AdminError {
  return new AdminError("unauthenticated", undefined, {
    "www-authenticate": `Bearer realm="mcp-wrapper admin"${detail}`,
  });
}

/** Throws `owner_only` if a role does not have a right. */
export function assertRight(right: AdminRight, role: AdminRole): void {
  if (right === "owner" && role !== "owner") throw new AdminError("owner_only");
}

/**
 * Throws `owner_only` if a role may not put `next` in the place of `before`; undefined: there is no
 * entry before or after.
 */
export function assertEntryRight(
  role: AdminRole,
  maySpawn: boolean,
  entries: { readonly before: unknown; readonly next: unknown },
): void {
  const all = [entries.before, entries.next].filter((entry) => entry !== undefined);
  if (role === "owner" || maySpawn || !all.some(isOwnersEntry)) return;
  throw new AdminError(
    "owner_only",
    "Only the owner's token may add, change or remove a server that starts a program or reads " +
      "files or variables of this machine; MCP_ADMIN_SPAWN=on lets the operator's token, too",
  );
}

/** Keys with which an entry starts a program, or reads a file or a credential of this machine. */
const localKeys = [
  "command",
  "args",
  "env",
  "envFile",
  "inheritEnv",
  "cwd",
  "recipe",
  "openapi",
  "baseUrl",
] as const;

/**
 * Whether only the owner may add, change or remove an entry: it starts a program, or it reads
 * something of this machine that the operator's token does not show. What is not known to be
 * harmless counts as one of these.
 */
export function isOwnersEntry(entry: unknown): boolean {
  if (!isJsonObject(entry)) return true;
  const has = (key: string) => entry[key] !== undefined;
  return !urlKeys.some(has) || localKeys.some(has) || readsMachine(entry);
}

/** Whether a value names a variable of the environment, or a file with a secret. */
function readsMachine(value: unknown): boolean {
  if (typeof value === "string") return value.includes("${");
  if (Array.isArray(value)) return value.some(readsMachine);
  if (!isJsonObject(value)) return false;
  return Object.entries(value).some(([key, member]) => key === "file" || readsMachine(member));
}
