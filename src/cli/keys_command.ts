/** `keys`: makes, lists and revokes the keys with which clients connect. */
import { identity } from "../version.ts";
import { chooseAction, requireArgument } from "./access_action.ts";
import { folderNotes, type OpenedAccess, withAccess } from "./access_steering.ts";
import type { KeyRequest, KeyView } from "./admin_forms.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { toMoment } from "./expiry.ts";
import { printDone, printResult } from "./output.ts";
import { type Cell, toTable } from "./table.ts";
import { toAgo } from "./times.ts";

/** Makes, lists and revokes keys. */
export const runKeys = chooseAction({ add, list, revoke });

async function add(context: CommandContext, values: CommandValues): Promise<void> {
  const request = toRequest(values);
  await withAccess(context, true, async (access) => {
    const { name, key } = await access.keys.add(request);
    // The key alone is the result, so that a script can read it; the rest is for a person.
    printResult(context, { name, key }, () => [key]);
    if (context.json) return;
    const { note } = context.terminal;
    note(`This is the only time that the key "${name}" is shown: copy it now.`);
    note("Clients send it as a header: Authorization: Bearer KEY");
    for (const line of [...adviceOf(access), ...folderNotes(access)]) note(line);
  });
}

/** What is missing before a client can use a key. */
function adviceOf({ isRunning, kinds }: OpenedAccess): readonly string[] {
  if (kinds === undefined || kinds.includes("key")) return [];
  return [
    `Keys have no effect yet: set MCP_AUTH=key${isRunning ? ", and restart the gateway" : ""}.`,
  ];
}

function toRequest(values: CommandValues): KeyRequest {
  const servers = values.option("servers");
  const tools = values.option("tools");
  const expires = values.option("expires");
  const roles = values.optionList("role");
  return {
    name: nameOf(values),
    ...(servers === undefined ? {} : { servers: toNames("--servers", servers) }),
    ...(tools === undefined ? {} : { tools: toNames("--tools", tools) }),
    ...(expires === undefined ? {} : { expiresAt: toMoment("--expires", expires, Date.now()) }),
    ...(roles.length === 0 ? {} : { roles }),
  };
}

const nameOf = (values: CommandValues) => requireArgument(values, "NAME", "key");

/** An empty list would be a key for nothing, and is refused. */
function toNames(flag: string, text: string): string[] {
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length > 0) return names;
  throw new CommandError("usage", `Cannot use ${flag}: expected names separated by commas`);
}

async function list(context: CommandContext): Promise<void> {
  const found = await withAccess(context, false, ({ keys }) => keys.list());
  printResult(context, { keys: found }, () => {
    if (found.length === 0) return [`No key exists; make one with ${identity.name} keys add NAME`];
    return toTable(columns, found.map(toRow), context.terminal);
  });
}

const columns = [
  { title: "NAME" },
  { title: "ROLES", isCut: true },
  { title: "SERVERS", isCut: true },
  { title: "TOOLS", isCut: true },
  { title: "EXPIRES" },
  { title: "LAST USED" },
];

function toRow({ name, roles, servers, tools, expiresAt, usedAt, isExpired }: KeyView): Cell[] {
  const toList = (names: readonly string[] | undefined) => names?.join(", ");
  return [
    { text: name, style: "strong" },
    toList(roles) ?? "-",
    toList(servers) ?? "all",
    toList(tools) ?? "all",
    expiresAt === undefined
      ? "never"
      : isExpired
      ? { text: "expired", style: "bad" }
      : expiresAt.slice(0, "2027-01-31T00:00".length).replace("T", " "),
    usedAt === undefined ? "never" : toAgo(Date.parse(usedAt), Date.now()),
  ];
}

async function revoke(context: CommandContext, values: CommandValues): Promise<void> {
  const name = nameOf(values);
  const isRunning = await withAccess(context, false, async (access) => {
    await access.keys.revoke(name);
    return access.isRunning;
  });
  const now = isRunning ? "; the gateway refuses it from now on" : "";
  printDone(context, { name }, [`Revoked key "${name}"${now}`]);
}
