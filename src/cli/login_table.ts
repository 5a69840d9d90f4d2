/** The table of log-ins at servers, for `auth status` and `status`. */
import type { NamedLogin } from "./admin_forms.ts";
import { toExpiry, toLoginWords, toRefresh, toScopes } from "./login_words.ts";
import { type Cell, type LayoutOptions, toTable } from "./table.ts";

const columns = [
  { title: "SERVER", isCut: true },
  { title: "LOG-IN", isCut: true },
  { title: "SCOPES", isCut: true },
  { title: "EXPIRES" },
  { title: "LAST REFRESH", isCut: true },
];

/** A row for each grant; without one, a row for the server. */
export function toLoginTable(logins: readonly NamedLogin[], options: LayoutOptions): string[] {
  return toTable(columns, logins.flatMap(toRows), options);
}

function toRows(login: NamedLogin): Cell[][] {
  const name: Cell = { text: login.name, style: "strong" };
  const toState = (view: NamedLogin): Cell => {
    const { words, style } = toLoginWords(view);
    return style === undefined ? words : { text: words, style };
  };
  if (login.grants.length === 0) return [[name, toState(login), "-", "-", "-"]];
  const now = Date.now();
  return login.grants.map((grant) => [
    name,
    toState({ ...login, grants: [grant] }),
    toScopes(grant),
    toExpiry(grant, now),
    toRefresh(grant, now),
  ]);
}
