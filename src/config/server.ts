/**
 * One entry of `mcpServers` to one `ServerConfig`. Whatever is wrong with it makes it a `failed`
 * server that says why, and touches no other. `command`, `cwd` and directories in `roots` may begin
 * with `~` and are seen from the folder of the file; a command without a slash is looked for in
 * PATH, and arguments are handed on as they are. Not here: the file around it (mcp_json.ts).
 */
import * as v from "valibot";
import { defaultLimits } from "../limits.ts";
import {
  buildEnvironment,
  isHideable,
  looksSecret,
  secretsInText,
  secretsInVariable,
} from "./child_environment.ts";
import type { FailedServerConfig, Roots, ServerConfig, ToolFilter } from "./config.ts";
import { appendKey, describeKind } from "./config_error.ts";
import { nearestName } from "./nearest.ts";
import { expandHome, resolvePath, startsAtHome, toFileUri } from "./path.ts";
import {
  foreignKeys,
  isObject,
  otherwiseNamed,
  servedKeys,
  type ServerEntry,
  serverSchema,
  toolKeys,
  unservedKeys,
  unservedReason,
  wordKeys,
} from "./server_keys.ts";
import { ownSecret, substitute } from "./substitution.ts";

/** What all entries of one file share, and where their reading leaves its findings. */
export interface FileContext {
  readonly file: string;
  /** Absolute. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether the gateway listens on more than loopback. */
  readonly remoteBind: boolean;
  readonly warnings: string[];
  readonly secrets: Set<string>;
}

/** Reads the entry at `path` of the file; undefined when it is disabled. */
export function readServer(
  name: string,
  path: string,
  entry: unknown,
  context: FileContext,
): ServerConfig | undefined {
  const where = (key: string) => `${key} in ${context.file}`;
  const fail = (problem: string) => failServer(name, problem);
  if (!isObject(entry)) {
    return fail(`${where(path)}: expected an object, got ${describeKind(entry)}`);
  }
  if (entry["disabled"] === true || entry["enabled"] === false) return undefined;
  for (const [key, value] of Object.entries(entry)) {
    const reason = unservedReason(key, value);
    if (reason !== undefined) return fail(`${where(appendKey(path, key))}: ${reason}`);
  }
  const checked = v.safeParse(serverSchema, entry);
  if (!checked.success) return fail(explainIssue(path, checked.issues[0], context.file));
  warnOfKeys(path, entry, context);
  return buildServer(name, path, checked.output, context);
}

/** A server that cannot be used, with the defaults for all that is still asked of it. */
export function failServer(name: string, problem: string): FailedServerConfig {
  return {
    kind: "failed",
    name,
    problem,
    callTimeoutMs: defaultLimits.callMs,
    startTimeoutMs: defaultLimits.startMs,
    idleTimeoutMs: defaultLimits.idleMs,
    tools: {},
  };
}

function buildServer(
  name: string,
  path: string,
  entry: ServerEntry,
  context: FileContext,
): ServerConfig {
  const texts = createTexts(path, context);
  const command = texts.command(entry.command ?? "");
  if (command === "" && texts.problems.length === 0) {
    texts.refuse("command", "expected the program to run");
  }
  const inherited = entry.inheritEnv ?? [];
  const args = (entry.args ?? []).map((arg, index) => texts.plain(appendKey("args", index), arg));
  const own = readOwnVariables(entry.env, texts);
  checkInherited(inherited, path, texts, context);
  const built: ServerConfig = {
    kind: "stdio",
    name,
    command,
    args,
    env: withoutPrototype(
      [...own].filter((pair): pair is [string, string] => pair[1] !== null),
    ),
    environment: buildEnvironment(context.env, inherited, own),
    cwd: entry.cwd === undefined ? undefined : texts.place("cwd", entry.cwd),
    isolation: entry.isolation ?? "session",
    era: entry.era ?? "auto",
    roots: readRoots(entry.roots, texts, context.remoteBind),
    callTimeoutMs: entry.callTimeoutMs ?? defaultLimits.callMs,
    startTimeoutMs: entry.startTimeoutMs ?? defaultLimits.startMs,
    idleTimeoutMs: entry.idleTimeoutMs ?? defaultLimits.idleMs,
    tools: readFilter(entry),
  };
  return texts.problems.length === 0 ? built : failServer(name, texts.problems.join("; "));
}

/** The texts of one server: references replaced, secrets noted, problems collected. */
interface Texts {
  readonly problems: string[];
  refuse(key: string, problem: string): void;
  plain(key: string, text: string): string;
  variable(name: string, text: string): string;
  command(text: string): string;
  /** An absolute path. */
  place(key: string, text: string): string;
}

function createTexts(path: string, context: FileContext): Texts {
  const problems: string[] = [];
  const refuse = (key: string, problem: string): void => {
    problems.push(`${path}${key.startsWith("[") ? "" : "."}${key} in ${context.file}: ${problem}`);
  };
  const replace = (key: string, text: string, inputName?: string) => {
    const outcome = substitute(text, context.env, inputName);
    if (outcome.ok) return outcome;
    refuse(key, outcome.problem);
    return { text: "", used: [] };
  };
  const plain = (key: string, text: string): string => {
    const { text: replaced, used } = replace(key, text);
    keepSecrets(context, secretsInText(replaced, used));
    return replaced;
  };
  const settle = (key: string, replaced: string): string => {
    const home = context.env["HOME"];
    if (!startsAtHome(replaced)) return resolvePath(context.folder, replaced);
    if (home === undefined) refuse(key, "~ needs the environment variable HOME");
    return resolvePath(context.folder, expandHome(replaced, home ?? ""));
  };
  return {
    problems,
    refuse,
    plain,
    place: (key, text) => settle(key, plain(key, text)),
    command: (text) => {
      const replaced = plain("command", text);
      return replaced.includes("/") ? settle("command", replaced) : replaced;
    },
    variable: (name, text) => {
      const { text: replaced, used } = replace(appendKey("env", name), text, name);
      keepSecrets(context, secretsInVariable(name, replaced, used));
      return replaced;
    },
  };
}

function keepSecrets(context: FileContext, values: readonly string[]): void {
  for (const value of values) if (isHideable(value)) context.secrets.add(value);
}

function readOwnVariables(env: ServerEntry["env"], texts: Texts): Map<string, string | null> {
  const own = new Map<string, string | null>();
  for (const [name, value] of env ?? []) {
    if (!/^[^=\0]+$/.test(name)) texts.refuse(appendKey("env", name), "no name of a variable");
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
        `Cannot hand on ${path}.${key} of ${context.file}: the variable ${name} is not set`,
      );
    } else if (looksSecret(name, value)) keepSecrets(context, [value]);
  }
}

function readRoots(roots: ServerEntry["roots"], texts: Texts, remoteBind: boolean): Roots {
  // A far client must not choose directories on this disk unless the operator says so.
  if (roots === undefined) return remoteBind ? "none" : "relay";
  if (typeof roots === "string") return roots;
  return roots.map((root, index) => {
    const key = appendKey("roots", index);
    return {
      uri: root.startsWith("file:") ? texts.plain(key, root) : toFileUri(texts.place(key, root)),
    };
  });
}

function readFilter(entry: ServerEntry): ToolFilter {
  const allow = joinLists(entry.tools?.allow, entry.enabledTools, entry.includeTools);
  const deny = joinLists(entry.tools?.deny, entry.disabledTools, entry.excludeTools);
  const rename = entry.tools?.rename;
  return {
    ...(allow === undefined ? {} : { allow }),
    ...(deny === undefined ? {} : { deny }),
    ...(rename === undefined ? {} : { rename: withoutPrototype(rename) }),
  };
}

function joinLists(
  ...lists: readonly (readonly string[] | undefined)[]
): readonly string[] | undefined {
  const given = lists.filter((list) => list !== undefined);
  return given.length === 0 ? undefined : given.flat();
}

function withoutPrototype(pairs: Iterable<readonly [string, string]>): Record<string, string> {
  const members: Record<string, string> = Object.create(null);
  for (const [key, value] of pairs) members[key] = value;
  return members;
}

function warnOfKeys(
  path: string,
  entry: Readonly<Record<string, unknown>>,
  context: FileContext,
): void {
  const known = [...servedKeys, ...unservedKeys.keys()];
  for (const key of Object.keys(entry)) {
    if (known.includes(key) || foreignKeys.has(key)) continue;
    context.warnings.push(describeUnknown(path, key, known, context.file));
  }
  if (!isObject(entry["tools"])) return;
  for (const key of Object.keys(entry["tools"])) {
    if (toolKeys.includes(key)) continue;
    context.warnings.push(describeUnknown(`${path}.tools`, key, toolKeys, context.file));
  }
}

/** The sentence about a key that nothing reads. */
export function describeUnknown(
  path: string,
  key: string,
  known: readonly string[],
  file: string,
): string {
  const near = otherwiseNamed.get(key) ?? nearestName(key, known);
  const advice = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
  return `Ignored ${appendKey(path, key)} of ${file}: unknown key${advice}`;
}

function explainIssue(path: string, issue: v.BaseIssue<unknown>, file: string): string {
  let where = path;
  for (const { key } of issue.path ?? []) {
    where = appendKey(where, typeof key === "number" ? key : String(key));
  }
  const expected = `${where} in ${file}: expected ${issue.message}`;
  // A text of the right kind may be a secret, and the expectation says enough.
  if (issue.kind !== "schema") return expected;
  const mayShow = wordKeys.has(String(issue.path?.at(-1)?.key)) && typeof issue.input === "string";
  return `${expected}, got ${mayShow ? JSON.stringify(issue.input) : describeKind(issue.input)}`;
}
