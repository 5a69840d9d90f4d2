/**
 * `connect`: shows how a client reaches this gateway, or writes it: by the client's own command, else
 * into its file.
 */
import { type AccessFacts, readAccessFacts } from "../app.ts";
import { findGateway } from "./admin_client.ts";
import { accessOf, type ClientAccess } from "./clients/client_access.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type Client, type ClientScope, type OwnCommandRequest } from "./clients/client_table.ts";
import { findClient, placeOf } from "./clients/client_places.ts";
import { confirm } from "./clients/confirmation.ts";
import { readExactly, replaceExactly, type WrittenFile } from "./clients/exact_file.ts";
import { addressOf, isOwnEntry, ownAddressOf, readOwnConfig } from "./clients/gateway_address.ts";
import { type ReadyCommand, readyCommand, runReady } from "./clients/own_command.ts";
import { listOf, parseServers, putServer, showServer } from "./clients/server_list.ts";
import { readConfiguration } from "./configuration.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";
import type { OwnAddress } from "../config/own_address.ts";
import { isJsonObject } from "../json.ts";
import { identity } from "../version.ts";
import { findProfile } from "./found_names.ts";
import { withServers } from "./server_steering.ts";
import { chooseSurface, endpointOf, type SurfaceChoice } from "./surface_choice.ts";

/** A connection to make, and where. */
interface Plan {
  readonly client: Client;
  readonly request: OwnCommandRequest;
  readonly file: string;
  /** Whether the file has an entry of this name. Undefined: the file cannot be read. */
  readonly exists: boolean | undefined;
  /** Other entries of the file that are this gateway. */
  readonly others: readonly string[];
  readonly configuration: string;
  readonly link: string | undefined;
  readonly command: ReadyCommand | undefined;
  /** What its authentication needs. */
  readonly access: ClientAccess;
  /** The URL for clients on other machines. */
  readonly publicUrl: string | undefined;
}

/** Shows or writes the entry of one client. */
export async function runConnect(
  context: CommandContext,
  values: CommandValues,
): Promise<ExitCode> {
  const plan = await makePlan(context, values);
  if (plan.others.length > 0) {
    const names = plan.others.map((name) => JSON.stringify(name)).join(", ");
    context.terminal.note(`${plan.file} has the gateway as ${names}: remove one of the entries.`);
  }
  const { notes, missing } = plan.access;
  if (missing !== undefined && values.flag("write")) {
    throw new CommandError("usage", `Cannot write an entry that cannot connect. ${missing}`);
  }
  for (const note of missing === undefined ? notes : [missing, ...notes]) {
    context.terminal.note(note);
  }
  const written = values.flag("write") ? await write(plan, context) : undefined;
  if (context.json) context.terminal.print(JSON.stringify(toJson(plan, written), null, 2));
  else if (written === undefined) show(plan, context);
  else report(plan, written, context);
  return exitCodes.ok;
}

async function makePlan(context: CommandContext, values: CommandValues): Promise<Plan> {
  const { platform, env } = context;
  const client = findClient(values.argument("CLIENT") ?? "");
  const scope: ClientScope = values.flag("project") ? "project" : "user";
  const file = placeOf(client, scope, { system: platform.system, env, cwd: platform.cwd });
  if (file === undefined) {
    throw new CommandError(
      "usage",
      `Cannot use --project: ${client.label} has no file in projects`,
    );
  }
  const name = values.option("name") ?? identity.name;
  if (!/^[A-Za-z0-9_-]+$/.test(name)) {
    throw new CommandError(
      "usage",
      `Cannot use --name "${name}": expected letters, digits, - and _`,
    );
  }
  const given = readHeaders(values.optionList("header"));
  const isByUrl = client.byUrl !== undefined && !values.flag("stdio");
  if (!isByUrl && Object.keys(given).length > 0) {
    throw new CommandError("usage", "Cannot use --header: a program over stdio sends no headers");
  }
  const choice = chooseSurface(values, undefined);
  await assertKnown(context, choice);
  const start = await readOwnConfig(context);
  const { facts, publicUrl = start.config.publicUrl } = await readFacts(context);
  const access = accessOf({ client, facts, isByUrl, headers: given, publicUrl, choice });
  const address = {
    ...await addressOf(context, start, access.headers, choice),
    ...(access.url === undefined ? {} : { url: access.url }),
  };
  const entry = (isByUrl ? client.byUrl : undefined)?.(name, address) ??
    client.byProgram(name, address);
  const request = { name, scope, address, isByUrl, entry };
  return {
    client,
    request,
    file,
    ...await findEntries(client, file, name, await ownAddressOf(context, start), context),
    configuration: await showServer(client.format, { listKey: client.listKey, name, entry }),
    link: scope === "user" ? client.link?.(name, entry) : undefined,
    command: readyCommand(client, request, context),
    access,
    publicUrl: isByUrl && access.url === undefined && publicUrl !== undefined
      ? `${publicUrl}${endpointOf(choice)}`
      : undefined,
  };
}

/**
 * Throws `notFound` for a profile that is not there. Files that cannot be read, and a gateway that
 * cannot be asked, are for other commands to report.
 */
async function assertKnown(context: CommandContext, choice: SurfaceChoice): Promise<void> {
  if (choice === undefined) return;
  const profiles = await withServers(context, (steering) => steering.profiles.list())
    .catch(() => undefined);
  if (profiles !== undefined) findProfile(profiles, choice.name);
}

/**
 * How clients authenticate at the gateway that runs, else at the one that the files describe. Files
 * that cannot be read, and a gateway that cannot be asked, are for other commands to report.
 */
async function readFacts(
  context: CommandContext,
): Promise<{ readonly facts: AccessFacts; readonly publicUrl?: string | undefined }> {
  const [auth, view] = await Promise.all([
    readConfiguration(context).then(({ config }) => config.auth, () => undefined),
    findGateway(context).then((gateway) => gateway?.status()).catch(() => undefined),
  ]);
  const chosen = { kinds: view?.auth ?? auth?.kinds ?? [], settings: auth?.settings ?? {} };
  const facts = await readAccessFacts(chosen).catch(() => readAccessFacts(undefined));
  return { facts, publicUrl: view?.publicUrl };
}

/** The values of `--header NAME=VALUE`, by name. */
function readHeaders(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((text) => {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*[:=]\s*(.+)$/.exec(text.trim()) ?? [];
    if (name === undefined || value === undefined) {
      throw new CommandError("usage", "Cannot use --header: expected NAME=VALUE");
    }
    return [name, value];
  }));
}

async function findEntries(
  client: Client,
  file: string,
  name: string,
  own: OwnAddress,
  { platform }: CommandContext,
): Promise<Pick<Plan, "exists" | "others">> {
  try {
    const text = await readExactly(platform.system, file);
    const value = await parseServers(text ?? "", client.format, file);
    const list = listOf(value, client.listKey) ?? {};
    const others = Object.keys(list).filter((key) => {
      const entry = list[key];
      return key !== name && isJsonObject(entry) && isOwnEntry(entry, own);
    });
    return { exists: Object.hasOwn(list, name), others };
  } catch {
    // Only a change needs the file, and says what is wrong with it.
    return { exists: undefined, others: [] };
  }
}

/** How an entry came into a client's file. */
type Written =
  | { readonly how: "present" }
  | { readonly how: "command"; readonly backup?: string }
  | ({ readonly how: "file" } & WrittenFile);

async function write(plan: Plan, context: CommandContext): Promise<Written> {
  const { client, request: { name, entry }, file, exists, command } = plan;
  const { system } = context.platform;
  const action = command === undefined
    ? `${exists === true ? `Replace "${name}" in` : "Write to"} ${file}?`
    : `${exists === true ? `Replace "${name}" of ${client.label}: run` : "Run"} ` +
      `"${command.shown.map(quoteWord).join(" ")}"?`;
  if (command !== undefined) {
    await agree(context, action);
    const backup = await runReady(command, exists === true ? file : undefined, context);
    return { how: "command", ...(backup === undefined ? {} : { backup }) };
  }
  // A file that cannot be changed is refused before any question.
  const before = await readExactly(system, file);
  const server = { listKey: client.listKey, name, entry };
  const after = await putServer(before ?? "", client.format, file, server);
  if (after === before) return { how: "present" };
  await agree(context, action);
  return { how: "file", ...await replaceExactly(system, file, before, after, new Date()) };
}

async function agree(context: CommandContext, question: string): Promise<void> {
  if (await confirm(context, question)) return;
  throw new CommandError("needsPerson", "Nothing was changed");
}

function show(plan: Plan, { terminal }: CommandContext): void {
  const { client, request, file, exists, configuration, link, command, publicUrl } = plan;
  terminal.print(`${terminal.style("strong", client.label)}: ${file}`);
  terminal.print("");
  terminal.print(configuration);
  terminal.print("");
  if (command !== undefined) {
    terminal.print(`Or run:  ${command.shown.map(quoteWord).join(" ")}`);
  }
  if (link !== undefined) terminal.print(`Or open: ${link}`);
  terminal.print(`Then:    ${client.restart}`);
  if (publicUrl !== undefined) terminal.note(`Clients elsewhere use ${publicUrl}.`);
  if (exists === true) terminal.note(`${file} has an entry "${request.name}" already.`);
  if (exists === undefined) {
    terminal.note(`Cannot read ${file}: correct it before you add an entry.`);
  }
  terminal.note("To write it, run this command again with --write.");
}

function report(plan: Plan, written: Written, { terminal }: CommandContext): void {
  const { client, request, file, command } = plan;
  if (written.how === "file") {
    terminal.print(`Wrote "${request.name}" to ${file}.`);
  } else {
    terminal.print(
      written.how === "command"
        ? `${client.label} added "${request.name}" by its own command ${command?.path}.`
        : `${file} has this entry already; nothing was changed.`,
    );
  }
  if (written.how !== "present" && written.backup !== undefined) {
    terminal.print(`The file as it was: ${written.backup}`);
  }
  terminal.print(client.restart);
}

function toJson(plan: Plan, written: Written | undefined) {
  const { client, request, file, exists, configuration, link, command } = plan;
  return {
    client: client.id,
    name: request.name,
    scope: request.scope,
    file,
    format: client.format,
    exists: exists ?? null,
    ...(plan.others.length === 0 ? {} : { others: plan.others }),
    entry: request.entry,
    configuration,
    ...(command === undefined ? {} : { command: command.shown }),
    ...(link === undefined ? {} : { link }),
    restart: client.restart,
    ...(plan.access.notes.length === 0 ? {} : { notes: plan.access.notes }),
    ...(client.toolsMax === undefined ? {} : { toolsMax: client.toolsMax }),
    ...(written === undefined ? {} : { written }),
  };
}

/** A word as a shell reads it. */
function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
