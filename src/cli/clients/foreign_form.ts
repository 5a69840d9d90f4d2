/**
 * Entries of clients in the form of `mcp.json`: keys by our names, times in milliseconds, references
 * to variables as `${NAME}`. Most keys mean the same in all programs (config/other_programs.ts); the
 * table here has those of clients with a form of their own.
 */
import {
  isForeignKey,
  isSwitchedOff,
  otherwiseNamed,
  toOwnEntry,
} from "../../config/other_programs.ts";
import { isAbsolutePath } from "../../config/path.ts";
import { toVariableName } from "../../config/substitution.ts";
import { isJsonObject } from "../../json.ts";
import { msPerSecond } from "../../limits.ts";
import type { Client } from "./client_table.ts";
import type { ServerObject } from "./server_editor.ts";

/** An entry in our form, or why it cannot have one. */
export type OwnForm =
  | {
    readonly entry: ServerObject;
    /** Keys that have no meaning here. */
    readonly dropped: readonly string[];
  }
  | { readonly reason: string };

/** A client's own names, and other differences. */
interface ForeignForm {
  readonly renames?: Readonly<Record<string, string>>;
  /** Keys with a time, and the milliseconds in their unit. */
  readonly times?: Readonly<Record<string, readonly [key: string, unitMs: number]>>;
  /** Changes the entry as a whole, before its keys are renamed. */
  readonly prepare?: (entry: ServerObject) => ServerObject;
  /** Changes the entry in our form, by the entry as it was. */
  readonly finish?: (entry: ServerObject, given: ServerObject) => ServerObject;
  /** Keys that `finish` reads. */
  readonly own?: readonly string[];
  /** Why an entry is no server for others. */
  readonly refuse?: (entry: ServerObject) => string | undefined;
}

const forms: Readonly<Record<string, ForeignForm>> = {
  codex: {
    renames: { http_headers: "headers", env_vars: "inheritEnv" },
    times: {
      startup_timeout_sec: ["startTimeoutMs", msPerSecond],
      startup_timeout_ms: ["startTimeoutMs", 1],
      tool_timeout_sec: ["callTimeoutMs", msPerSecond],
    },
    finish: finishCodex,
    own: ["bearer_token_env_var", "env_http_headers"],
  },
  gemini: { times: { timeout: ["callTimeoutMs", 1] } },
  goose: {
    renames: { cmd: "command", envs: "env", uri: "url", available_tools: "enabledTools" },
    times: { timeout: ["callTimeoutMs", msPerSecond] },
    prepare: prepareGoose,
    refuse: ({ type }) =>
      type === "stdio" || type === "streamable_http" || type === "sse"
        ? undefined
        : "a part of Goose itself",
  },
  zed: {
    prepare: prepareZed,
    refuse: ({ command, url }) =>
      command === undefined && url === undefined ? "an extension of Zed starts it" : undefined,
  },
};

/** What an entry is translated with. */
export interface FormContext {
  readonly client: Client;
  /** The folder of the project; undefined for a file of the user. */
  readonly project: string | undefined;
  /** The keys that `mcp.json` has. */
  readonly isKnownKey: (key: string) => boolean;
}

/** Translates one entry. */
export function toOwnForm(given: unknown, context: FormContext): OwnForm {
  if (!isJsonObject(given)) return { reason: "it is no object" };
  const { client } = context;
  const form = forms[client.id] ?? {};
  const prepared = form.prepare?.(given) ?? given;
  if (isSwitchedOff(prepared)) return { reason: `it is switched off in ${client.label}` };
  const reason = form.refuse?.(prepared);
  if (reason !== undefined) return { reason };
  const dropped: string[] = [];
  const entry: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(toOwnEntry(prepared))) {
    const time = form.times?.[key];
    const own = time?.[0] ?? form.renames?.[key] ?? otherwiseNamed.get(key) ?? key;
    if (isSwitch(own) || isEmptyFilter(own, value) || form.own?.includes(key) === true) continue;
    // A time is left out above: only here its unit is known.
    if ((time === undefined && isForeignKey(key)) || !context.isKnownKey(own)) dropped.push(key);
    else entry[own] = time === undefined ? value : Number(value) * time[1];
  }
  const translated = translate(entry, "", context);
  const texts = isJsonObject(translated) ? translated : {};
  if (JSON.stringify(texts).includes("${workspaceFolder")) {
    return { reason: `only ${client.label} knows its \${workspaceFolder}` };
  }
  const finished = form.finish?.(texts, prepared) ?? texts;
  return { entry: placeInProject(finished, context.project), dropped };
}

/** A client starts the programs of a project in its folder. */
function placeInProject(entry: ServerObject, project: string | undefined): ServerObject {
  const { command, cwd } = entry;
  if (project === undefined || typeof command !== "string") return entry;
  const isRelative = /^\.{1,2}[\\/]/;
  return {
    ...entry,
    command: isRelative.test(command) ? `${project}/${command}` : command,
    cwd: typeof cwd !== "string" || cwd === "."
      ? project
      : isAbsolutePath(cwd) || cwd.startsWith("~")
      ? cwd
      : `${project}/${cwd}`,
  };
}

/** Whether a key only says that the server is on. */
function isSwitch(key: string): boolean {
  return isSwitchedOff({ [key]: true }) || isSwitchedOff({ [key]: false });
}

/** Clients write an empty list of tools for "all". */
function isEmptyFilter(key: string, value: unknown): boolean {
  return key === "enabledTools" && Array.isArray(value) && value.length === 0;
}

/** Names of variables become references, which no text of the file can hold by itself. */
function finishCodex(entry: ServerObject, given: ServerObject): ServerObject {
  const token = given["bearer_token_env_var"];
  const named = given["env_http_headers"];
  const headers = isJsonObject(named)
    ? Object.fromEntries(
      Object.entries(named).map(([name, variable]) => [name, `\${${String(variable)}}`]),
    )
    : {};
  const own = isJsonObject(entry["headers"]) ? entry["headers"] : {};
  const all = { ...own, ...headers };
  const passed = entry["inheritEnv"];
  return {
    ...entry,
    ...(Array.isArray(passed)
      ? { inheritEnv: passed.filter((name) => typeof name === "string") }
      : {}),
    ...(Object.keys(all).length === 0 ? {} : { headers: all }),
    ...(typeof token !== "string" || token === ""
      ? {}
      : { credentials: { type: "bearer", token: `\${${token}}` } }),
  };
}

/** Older files nest the entry; variables of the keyring become references. */
function prepareGoose(given: ServerObject): ServerObject {
  const inner = given["config"];
  const entry: ServerObject = isJsonObject(inner) ? { ...given, ...inner } : given;
  const { config: _config, type, env_keys: names, envs, ...rest } = entry;
  const own = isJsonObject(envs) ? envs : {};
  const stored = (Array.isArray(names) ? names : []).filter((name) => typeof name === "string");
  const variables = { ...Object.fromEntries(stored.map((name) => [name, `\${${name}}`])), ...own };
  if (type === "stdio") return { ...rest, type, envs: variables };
  const headers = isJsonObject(rest["headers"]) ? rest["headers"] : {};
  return {
    ...rest,
    type,
    // A reference in a header means a variable of the entry first.
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        String(value).replace(/\$\{(\w+)\}/g, (whole, key: string) => String(own[key] ?? whole)),
      ]),
    ),
  };
}

/** Older files have the program as an object. */
function prepareZed(entry: ServerObject): ServerObject {
  const { command } = entry;
  if (!isJsonObject(command)) return entry;
  const { path, args, env } = command;
  const parts = { command: path, args, env };
  return {
    ...entry,
    ...Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)),
  };
}

/** `name` is the name of the variable or header that a text belongs to. */
function translate(value: unknown, name: string, context: FormContext): unknown {
  if (typeof value === "string") return translateText(value, name, context);
  if (Array.isArray(value)) return value.map((item) => translate(item, name, context));
  if (!isJsonObject(value)) return typeof value === "bigint" ? Number(value) : value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, translate(inner, key, context)]),
  );
}

function translateText(text: string, name: string, { client, project }: FormContext): string {
  if (client.references === "none") return text.replaceAll("${", () => "$${");
  const inShell = client.references === "shell"
    ? text.replace(/(?<![\w$\\])\$([A-Za-z_]\w*)/g, "${$1}")
    : text;
  return inShell.replace(
    /\$\{input:([^}]+)\}/g,
    (whole, input: string) =>
      `\${${whole === text && /^[A-Za-z_]\w*$/.test(name) ? name : toVariableName(input)}}`,
  )
    .replace(/\$\{workspace(?:Folder|Root)\}/g, (whole) => project ?? whole);
}
