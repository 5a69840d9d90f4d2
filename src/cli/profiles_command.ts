/**
 * `profiles`: lists, shows, adds and removes profiles, whether or not a gateway runs. Those that are
 * added are kept in the registry, or with `--file` in the `mcp.json` of a person.
 */
import { isJsonObject } from "../json.ts";
import { identity } from "../version.ts";
import { chooseAction, requireArgument } from "./access_action.ts";
import type { ListedProfile } from "./admin_forms.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { readConfiguration } from "./configuration.ts";
import { findProfile } from "./found_names.ts";
import { printDone, printResult } from "./output.ts";
import { toProfileEntry } from "./profile_arguments.ts";
import { toShellWord } from "./server_advice.ts";
import { readServerFile, withoutProfile, withProfile, writeServerFile } from "./server_file.ts";
import { type ServerSteering, withServers } from "./server_steering.ts";
import { endpointOf } from "./surface_choice.ts";
import { type Cell, toTable, wrap } from "./table.ts";

/** Runs one of its actions; without one it lists. */
export const runProfiles = chooseAction({ list, add, remove, show }, "list");

const sources: Readonly<Record<string, string>> = { file: "mcp.json", registry: "the registry" };

async function list(context: CommandContext): Promise<void> {
  await withServers(context, async ({ gateway, configPath, profiles }) => {
    const found = await profiles.list();
    const { terminal } = context;
    const value = { running: gateway !== undefined, config: configPath, profiles: found };
    printResult(context, value, () => {
      if (found.length === 0) {
        return [`No profile exists; make one with ${identity.name} profiles add NAME`];
      }
      return [
        ...toTable(columns, found.map(toRow), terminal),
        ...found.flatMap((profile) =>
          problemsOf(profile).flatMap((text) => ["", ...wrap(text, terminal.width)])
        ),
      ];
    });
  });
}

const columns = [
  { title: "NAME", isCut: true },
  { title: "FROM" },
  { title: "SERVERS", isCut: true },
  { title: "TOOLS" },
  { title: "URL" },
];

function toRow(profile: ListedProfile): Cell[] {
  const { name, source, url, entry, problem } = profile;
  return [
    { text: name, style: problem === undefined ? "strong" : "bad" },
    source === "file" ? "mcp.json" : source,
    serversIn(entry).join(", ") || "-",
    isSearched(entry) ? "search" : "list",
    url,
  ];
}

function serversIn(entry: unknown): readonly string[] {
  const servers = isJsonObject(entry) ? entry["servers"] : undefined;
  if (Array.isArray(servers)) return servers.map(String);
  return isJsonObject(servers) ? Object.keys(servers) : [];
}

function isSearched(entry: unknown): boolean {
  return isJsonObject(entry) && entry["tools"] === "search";
}

function problemsOf({ name, problem, missing = [] }: ListedProfile): readonly string[] {
  return [
    ...(problem === undefined ? [] : [`${name}: ${problem}`]),
    ...missing.map((server) => `${name}: no server "${server}" is configured`),
  ];
}

async function show(context: CommandContext, values: CommandValues): Promise<void> {
  const name = nameOf(values);
  const profile = await withServers(
    context,
    async ({ profiles }) => findProfile(await profiles.list(), name),
  );
  printResult(context, profile, () => [
    `${profile.name} at ${context.terminal.style("strong", profile.url)}`,
    `from ${sources[profile.source] ?? profile.source}`,
    ...problemsOf(profile).flatMap((text) => wrap(text, context.terminal.width)),
    "",
    ...JSON.stringify(profile.entry, null, 2).split("\n"),
    "",
    `Its tools: ${identity.name} tools --profile ${toShellWord(name)}`,
  ]);
}

const nameOf = (values: CommandValues) => requireArgument(values, "NAME", "profile");

async function add(context: CommandContext, values: CommandValues): Promise<void> {
  const name = nameOf(values);
  const entry = await toProfileEntry(context, values);
  const toFile = values.flag("file");
  await withServers(context, async (steering) => {
    const { gateway, configPath, profiles } = steering;
    const known = (await profiles.list()).find((profile) => profile.name === name);
    if (known !== undefined) assertReplaceable(known, configPath, values.flag("replace"), toFile);
    const warnings = toFile
      ? await addToFile(context, steering, name, entry)
      : (await profiles.put(name, entry)).warnings ?? [];
    for (const warning of warnings) context.terminal.note(warning);
    const place = toFile ? configPath : "the registry";
    const isRunning = gateway !== undefined;
    const url = `${steering.url}${endpointOf({ kind: "profiles", name })}`;
    printDone(context, { name, entry, url, place, isRunning }, [
      `${known === undefined ? "Added" : "Replaced"} profile "${name}" ${
        known === undefined ? "to" : "in"
      } ${place}` + (isRunning ? "" : "; no gateway runs, the next one has it"),
      `Clients use ${url}`,
      `Connect one: ${identity.name} connect CLIENT --profile ${toShellWord(name)}`,
    ]);
  }, { mayCreate: !toFile, makesFile: toFile });
}

function assertReplaceable(
  { name, source }: ListedProfile,
  configPath: string,
  isReplaced: boolean,
  toFile: boolean,
): void {
  const inFile = source === "file";
  const place = inFile ? configPath : "the registry";
  if (inFile && !toFile) {
    throw new CommandError(
      "usage",
      `Cannot add profile "${name}": ${place} has one of this name; edit that file, ` +
        "or use --file --replace",
    );
  }
  if (isReplaced) return;
  throw new CommandError(
    "usage",
    `Cannot add profile "${name}": ${place} has one of this name; use --replace, or another name`,
  );
}

/** Writes the entry into the file, if the gateway could read it there. Returns its warnings. */
async function addToFile(
  context: CommandContext,
  { gateway, configPath: path }: ServerSteering,
  name: string,
  entry: unknown,
): Promise<readonly string[]> {
  const file = await readServerFile(context, path);
  const text = withProfile(file, name, entry);
  const unchanged = file.text.trim() === "" ? "{}" : file.text;
  const { config: before } = await readConfiguration(context, { path, text: unchanged });
  const { config } = await readConfiguration(context, { path, text });
  const problem = config.profiles?.find((profile) => profile.name === name)?.problem;
  if (problem !== undefined) {
    throw new CommandError("usage", `Cannot use profile "${name}": ${problem}`);
  }
  await writeServerFile(context, file, text);
  await gateway?.reload();
  return config.warnings.filter((warning) => !before.warnings.includes(warning));
}

async function remove(context: CommandContext, values: CommandValues): Promise<void> {
  const name = nameOf(values);
  const isFile = values.flag("file");
  await withServers(context, async ({ gateway, configPath, profiles }) => {
    const { source } = findProfile(await profiles.list(), name);
    assertRemovable(name, source, configPath, isFile);
    if (source === "file") {
      const file = await readServerFile(context, configPath);
      await writeServerFile(context, file, withoutProfile(file, name));
      await gateway?.reload();
    } else await profiles.remove(name);
    const place = source === "file" ? configPath : "the registry";
    printDone(context, { name, place, isRunning: gateway !== undefined }, [
      `Removed profile "${name}" from ${place}`,
    ]);
  });
}

function assertRemovable(name: string, source: string, configPath: string, isFile: boolean): void {
  if (source === "file" && !isFile) {
    throw new CommandError(
      "usage",
      `Cannot remove profile "${name}": it is in ${configPath}; change that file by --file, ` +
        "or edit it yourself",
    );
  }
  if (source === "file" || !isFile) return;
  throw new CommandError(
    "usage",
    `Cannot remove profile "${name}" from ${configPath}: it is in the registry; leave out --file`,
  );
}
