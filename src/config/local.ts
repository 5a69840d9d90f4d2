/**
 * A local server: the program, its arguments and its environment. `command` and `cwd` may begin
 * with `~` and are relative to the folder of the file. A command without a slash is looked up in
 * PATH. Arguments are passed on unchanged, unless the program runs in the data folder, where those
 * that name files of the configuration's folder would mean nothing (program_folder.ts).
 */
import { readChildCredentials } from "./child_credentials.ts";
import { buildEnvironment, looksSecret, secretsInArguments } from "./child_environment.ts";
import type { StdioServerConfig } from "./config.ts";
import { appendKey } from "./config_error.ts";
import { opensBrowser } from "./browser_programs.ts";
import { readFallback } from "./credentials_entry.ts";
import { type EnvEntry, localEntries } from "./local_keys.ts";
import { readConnection, refuseOtherTypes } from "./mcp_server.ts";
import { holdsOwnUrl, leadsBack } from "./own_address.ts";
import { inFolder } from "./program_folder.ts";
import { defineForm, type EntryReading, type FormEntry, type OwnPart } from "./server_kind.ts";
import { ownSecret } from "./substitution.ts";
import { type FileContext, keepSecrets, type Texts, withoutPrototype } from "./texts.ts";

/** Reads the keys of such a server. */
function readLocal(
  entry: FormEntry<typeof localEntries>,
  { path, texts, context }: EntryReading,
): OwnPart<StdioServerConfig> {
  refuseOtherTypes(entry, false, texts);
  // A remote client must not choose directories on this disk unless the operator allows it.
  const connection = readConnection(entry, !context.remoteBind, texts, context);
  const command = texts.command(entry.command ?? "");
  if (command === "" && texts.problems.length === 0) {
    texts.refuse("command", "expected the program to run, or url for a remote server");
  }
  const inherited = entry.inheritEnv ?? [];
  const words = [...(entry.command ?? "").split(/\s+/), ...entry.args ?? []];
  const read = words.some(isShell) ? texts.script : texts.plain;
  const given = (entry.args ?? []).map((arg, index) => read(appendKey("args", index), arg));
  const usual = context.programFolder ?? inFolder(context.folder);
  const args = entry.cwd === undefined ? given.map(usual.toArgument) : given;
  // Programs such as mcp-remote relay what a URL offers.
  for (const [index, arg] of args.entries()) {
    if (holdsOwnUrl(arg, context.own)) texts.refuse(appendKey("args", index), leadsBack);
  }
  keepSecrets(context, secretsInArguments([...command.split(/\s+/), ...args]));
  const own = readOwnVariables(entry.env, texts);
  checkInherited(inherited, path, texts, context);
  const childCredentials = readChildCredentials(entry.credentials, entry.env, texts);
  readFallback(entry.credentials, "credentials", texts, context, "stdio");
  return {
    ...connection,
    kind: "stdio",
    start: entry.start ?? (opensBrowser(entry) ? "onDemand" : "early"),
    command,
    args,
    env: withoutPrototype(
      [...own].filter((pair): pair is [string, string] => pair[1] !== null),
    ),
    environment: buildEnvironment(context.env, inherited, own),
    cwd: entry.cwd === undefined ? usual.path : texts.place("cwd", entry.cwd),
    ...(childCredentials === undefined ? {} : { childCredentials }),
    ...(entry.spare === undefined ? {} : { spare: entry.spare }),
  };
}

/** An entry with a command, or with no key that says how to reach the server. */
export const commandForm = defineForm({
  by: "command",
  markers: ["command"],
  named: "a command",
  entries: localEntries,
  read: readLocal,
});

/** Whether a word of a command line is a shell, here, in a container or on another machine. */
function isShell(word: string): boolean {
  return /^(?:.*[\\/])?(?:(?:ba|da|z|k|fi|a)?sh|ssh|cmd|pwsh|powershell|wsl)(?:\.exe)?$/i.test(
    word,
  );
}

function readOwnVariables(env: EnvEntry, texts: Texts): Map<string, string | null> {
  const own = new Map<string, string | null>();
  for (const [name, value] of env ?? []) {
    if (!/^[^=\0]+$/.test(name)) {
      texts.refuse(appendKey("env", name), "not a valid variable name");
    }
    own.set(name, value === null ? null : texts.variable(name, String(value)));
  }
  return own;
}

function checkInherited(
  names: readonly string[],
  path: string,
  texts: Texts,
  context: FileContext,
): void {
  for (const [index, name] of names.entries()) {
    const key = appendKey("inheritEnv", index);
    const value = Object.hasOwn(context.env, name) ? context.env[name] : undefined;
    if (name === ownSecret) {
      texts.refuse(key, `${ownSecret} belongs to the gateway alone`);
    } else if (value === undefined) {
      context.warnings.push(
        `Cannot pass on ${path}.${key} of ${context.file}: the variable ${name} is not set`,
      );
    } else if (looksSecret(name, value)) keepSecrets(context, [value]);
  }
}
