/** `users`: adds, lists and removes people who log in at the gateway's own pages. */
import { msPerSecond } from "../limits.ts";
import { identity } from "../version.ts";
import { type AccessAction, chooseAction, requireArgument } from "./access_action.ts";
import { folderNotes, type OpenedAccess, withAccess } from "./access_steering.ts";
import type { UserView } from "./admin_forms.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { printDone, printResult } from "./output.ts";
import { type Cell, toTable } from "./table.ts";
import { toAgo } from "./times.ts";

const nameOf = (values: CommandValues) => requireArgument(values, "NAME", "user");

const add: AccessAction = async (context, values) => {
  const name = nameOf(values);
  const roles = values.optionList("role");
  const groups = values.optionList("group");
  const password = values.flag("link") ? undefined : await readNewPassword(context, values);
  await withAccess(context, true, async (access) => {
    const secret = password === undefined ? {} : { password };
    await access.users.add(name, { roles, groups, ...secret });
    if (values.flag("link")) await printLink(context, access, name);
    else printDone(context, { name }, [`Added user "${name}"`]);
    adviseOn(context, access);
  });
};

const list: AccessAction = async (context) => {
  const users = await withAccess(context, false, (access) => access.users.list());
  printResult(context, { users }, () => {
    if (users.length === 0) return [`No user exists; add one with ${identity.name} users add NAME`];
    return toTable(columns, users.map(toRow), context.terminal);
  });
};

const columns = [
  { title: "NAME", isCut: true },
  { title: "ROLES", isCut: true },
  { title: "GROUPS", isCut: true },
  { title: "PASSWORD" },
  { title: "LAST LOG-IN" },
];

function toRow({ name, roles, groups, hasPassword, usedAt }: UserView): Cell[] {
  return [
    { text: name, style: "strong" },
    roles.join(", ") || "-",
    groups.join(", ") || "-",
    hasPassword ? "yes" : "no",
    usedAt === undefined ? "never" : toAgo(Date.parse(usedAt), Date.now()),
  ];
}

const remove: AccessAction = async (context, values) => {
  const name = nameOf(values);
  await withAccess(context, false, (access) => access.users.remove(name));
  printDone(context, { name }, [`Removed user "${name}", and all that was granted to it`]);
};

const passwd: AccessAction = async (context, values) => {
  const name = nameOf(values);
  const password = await readNewPassword(context, values);
  await withAccess(context, false, (access) => access.users.setPassword(name, password));
  printDone(context, { name }, [
    `Changed the password of user "${name}"; its clients must connect again`,
  ]);
};

const link: AccessAction = async (context, values) => {
  const name = nameOf(values);
  await withAccess(context, false, (access) => printLink(context, access, name));
};

/** Adds, lists and removes users, changes passwords, and makes log-in links. */
export const runUsers = chooseAction({ add, list, remove, passwd, link });

async function printLink(
  context: CommandContext,
  access: OpenedAccess,
  name: string,
): Promise<void> {
  const { path, expiresAt } = await access.users.makeLink(name);
  const url = `${access.url}${path}`;
  // The link alone is the result, so that a script can read it; the rest is for a person.
  printResult(context, { name, url, expiresAt }, () => [url]);
  if (context.json) return;
  const minutes = Math.round((Date.parse(expiresAt) - Date.now()) / (60 * msPerSecond));
  context.terminal.note(
    `It logs "${name}" in once, in the browser that opens it within ${minutes} minutes.`,
  );
}

/** What is missing before a user can log in. */
function adviseOn({ json, terminal }: CommandContext, access: OpenedAccess): void {
  const { isRunning, kinds } = access;
  if (json) return;
  if (kinds?.includes("oauth") === false) {
    terminal.note(
      `Users have no effect yet: set MCP_AUTH=oauth${
        isRunning ? ", and restart the gateway" : ""
      }.`,
    );
  }
  for (const line of folderNotes(access)) terminal.note(line);
}

/** A new password, which a person types twice. */
async function readNewPassword(
  { terminal, platform: { system } }: CommandContext,
  values: CommandValues,
): Promise<string> {
  if (values.flag("passwordStdin")) {
    const text = await new Response(system.stdin()).text();
    const [line = "", ...others] = text.split(/\r?\n/);
    if (others.every((other) => other === "")) return line;
    throw new CommandError("usage", "Cannot read the password from stdin: expected one line");
  }
  if (!terminal.canAsk) {
    throw new CommandError(
      "needsPerson",
      "Cannot ask for a password: this is no terminal; use --password-stdin, or make a log-in link",
    );
  }
  const password = await terminal.askSecret("Password:");
  if (await terminal.askSecret("Password again:") === password) return password;
  throw new CommandError("usage", "Cannot use these passwords: they differ");
}
