/**
 * `import`: lists the servers that clients on this machine have, and after a confirmation adds them
 * to `mcp.json`; their literal secrets go to the `.env` next to it. No file of a client changes.
 */
import { defaultTables } from "../app.ts";
import { ConfigError } from "../config/config_error.ts";
import { joinForms } from "../config/server_kind.ts";
import { unservedKeys } from "../config/server_keys.ts";
import type { CommandContext, CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";
import { type ClientFile, findClient, parentOf, userFilesOf } from "./clients/client_places.ts";
import { clients } from "./clients/client_table.ts";
import { confirm } from "./clients/confirmation.ts";
import { readExactly, replaceExactly } from "./clients/exact_file.ts";
import {
  clientOf,
  type FindContext,
  type FoundFile,
  readFile,
  readFiles,
} from "./clients/found_servers.ts";
import { ownAddressOf, readOwnConfig } from "./clients/gateway_address.ts";
import { type ImportPlan, planImport } from "./clients/import_plan.ts";
import { notePlan, tellTwice, toImportJson } from "./clients/import_report.ts";
import { createSecretVariables, type SecretVariables } from "./clients/secret_variables.ts";
import { type ExitCode, exitCodes } from "./exit_codes.ts";

const privateMode = 0o600;

/** The texts of our own files before the import. */
interface OwnFiles {
  readonly configPath: string;
  readonly config: string | undefined;
  readonly envPath: string;
  readonly env: string | undefined;
}

/** Lists, asks and writes. */
export async function runImport(
  context: CommandContext,
  values: CommandValues,
): Promise<ExitCode> {
  const { system, cwd } = context.platform;
  const start = await readOwnConfig(context);
  const address = await ownAddressOf(context, start);
  const around = {
    system,
    cwd,
    env: context.env,
    own: address,
    isKnownKey: knownKeys(),
  };
  const files = await readChosen(around, values, start.configPath);
  const own = await readOwnFiles(context, start.configPath);
  const variables = createSecretVariables(own.env ?? "", own.envPath, context.env);
  const only = values.optionList("only");
  const found = files.flatMap(({ servers }) => servers);
  checkNames(only, found.map(({ name }) => name));
  const plan = await planImport(
    found.filter(({ name }) => only.length === 0 || only.includes(name)),
    {
      configPath: own.configPath,
      before: own.config,
      env: context.env,
      own: address,
      variables,
    },
  );
  notePlan(files, plan, context.terminal);
  if (plan.imported.length > 0) await write(plan, own, variables, context);
  const report = { files, plan, variables, configPath: own.configPath, envPath: own.envPath };
  if (context.json) context.terminal.print(JSON.stringify(toImportJson(report), null, 2));
  else tellTwice(report, context.terminal);
  return exitCodes.ok;
}

/** The keys that `mcp.json` has, and those whose reader says what to do instead. */
function knownKeys(): (key: string) => boolean {
  const known = Object.keys(joinForms(defaultTables.kinds).schema.entries);
  return (key) => known.includes(key) || unservedKeys.has(key);
}

/** The named file, else every file of the user; `--client` says whose they are. */
async function readChosen(
  around: FindContext,
  values: CommandValues,
  configPath: string,
): Promise<FoundFile[]> {
  const id = values.option("client");
  const client = id === undefined ? undefined : findClient(id);
  const named = values.argument("FILE");
  if (named === undefined) {
    return await readFiles(userFilesOf(client === undefined ? clients : [client], around), around);
  }
  const path = toAbsolute(named, around);
  if (path === configPath) {
    throw new CommandError("usage", `Cannot import ${path}: it is the gateway's own file`);
  }
  if (around.system.describe(path)?.kind !== "file") {
    throw new CommandError("notFound", `Cannot read ${path}: no such file`);
  }
  const known = await clientOf(path, around);
  const file: ClientFile | undefined = client === undefined
    ? known
    : { scope: known?.client === client ? known.scope : "user", client, path };
  if (file !== undefined) return [await readFile(file, around)];
  throw new CommandError(
    "usage",
    `Cannot import ${path}: found no list of servers in it; name the client that it belongs to by --client CLIENT`,
  );
}

function toAbsolute(path: string, { cwd, system }: FindContext): string {
  if (path === "~" || /^~[\\/]/.test(path)) return `${system.homeFolder}${path.slice(1)}`;
  if (/^(?:[\\/]|[A-Za-z]:[\\/])/.test(path)) return path;
  return `${cwd}/${path.replace(/^\.[\\/]/, "")}`;
}

function checkNames(only: readonly string[], names: readonly string[]): void {
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  throw new CommandError(
    "notFound",
    `Cannot import ${unknown.map((name) => `"${name}"`).join(", ")}: no client has such a server`,
  );
}

async function readOwnFiles(
  { platform: { system } }: CommandContext,
  configPath: string,
): Promise<OwnFiles> {
  const envPath = `${parentOf(configPath)}/.env`;
  return {
    configPath,
    config: await readExactly(system, configPath),
    envPath,
    env: await readExactly(system, envPath),
  };
}

/** Writes `.env` first: a running gateway reads both when `mcp.json` changes. */
async function write(
  plan: ImportPlan,
  own: OwnFiles,
  variables: SecretVariables,
  context: CommandContext,
): Promise<void> {
  const { system } = context.platform;
  const count = plan.imported.length;
  const isAgreed = await confirm(
    context,
    `Add ${count === 1 ? "this server" : `these ${count} servers`} to ${own.configPath}?`,
  );
  if (!isAgreed) throw new CommandError("needsPerson", "Nothing was changed");
  const now = new Date();
  if (variables.added.size > 0) {
    // From its first byte on: it holds secrets.
    await replaceExactly(system, own.envPath, own.env, variables.text(), now, privateMode);
  }
  await replaceExactly(system, own.configPath, own.config, plan.text, now).catch((fault) => {
    if (variables.added.size === 0) throw fault;
    throw new ConfigError([
      `${fault instanceof Error ? fault.message : fault}; ${own.envPath} has the variables already`,
    ], fault);
  });
}
