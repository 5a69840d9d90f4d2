/**
 * Reads one entry of `mcpServers` into one `ServerConfig`. A fault in an entry makes it a `failed`
 * server with the reason, and affects no other. Not here: the keys of one kind of server (the forms
 * of the table of kinds), and the file around the entry (mcp_json.ts).
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { defaultLimits } from "../limits.ts";
import type { FailedServerConfig, ServerConfig, ToolFilter } from "./config.ts";
import { appendKey, describeKind, describeWord, toldMax } from "./config_error.ts";
import { nearestName } from "./nearest.ts";
import { isSwitchedOff, otherwiseNamed, toOwnEntry } from "./other_programs.ts";
import { urlKeys } from "./remote_server.ts";
import {
  allowKeys,
  type CommonEntry,
  commonSchema,
  denyKeys,
  toolKeys,
  unservedKeys,
  unservedReason,
  wordKeys,
} from "./server_keys.ts";
import { foreignOAuthKeys, serverOAuthKeys } from "./server_oauth.ts";
import type { ServerForm, ServerForms } from "./server_kind.ts";
import { createTexts, type FileContext, type Texts, withoutPrototype } from "./texts.ts";

/** The keys of an entry, with values of any kind. */
type Keys = Readonly<Record<string, unknown>>;

/** Reads the entry at `path` of the file; undefined when it is disabled. */
export async function readServer(
  name: string,
  path: string,
  given: unknown,
  forms: ServerForms,
  context: FileContext,
): Promise<ServerConfig | undefined> {
  const where = (key: string) => `${key} in ${context.file}`;
  const fail = (problem: string) => failServer(name, problem);
  if (!isJsonObject(given)) {
    return fail(`${where(path)}: expected an object, got ${describeKind(given)}`);
  }
  if (isSwitchedOff(given)) return undefined;
  const entry = passOverEnv(name, toOwnEntry(given), context);
  for (const [key, value] of Object.entries(entry)) {
    const reason = unservedReason(key, value);
    if (reason !== undefined) return fail(`${where(appendKey(path, key))}: ${reason}`);
  }
  const checked = v.safeParse(forms.schema, entry);
  if (!checked.success) {
    const told = checked.issues.slice(0, toldMax);
    return fail(told.map((issue) => explainIssue(path, issue, context.file)).join("; "));
  }
  warnOfKeys(name, path, entry, Object.keys(forms.schema.entries), context);
  const texts = createTexts(path, context);
  const form = findForm(checked.output, forms, texts);
  return await buildServer(name, path, entry, form, texts, context);
}

/**
 * READMEs of remote servers often show `env` next to a URL, though there is no program to start.
 */
function passOverEnv(
  name: string,
  entry: Keys,
  { passedOver }: FileContext,
): Keys {
  const { env, ...others } = entry;
  const isByUrl = urlKeys.some((key) => others[key] !== undefined) &&
    others["command"] === undefined;
  if (env === undefined || !isByUrl) return entry;
  if (!isJsonObject(env) || Object.keys(env).length > 0) passedOver.hasServerKey(name, "env");
  return others;
}

/** A server that cannot be used, with defaults for its other settings. */
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

async function buildServer(
  name: string,
  path: string,
  entry: Keys,
  form: ServerForm | undefined,
  texts: Texts,
  context: FileContext,
): Promise<ServerConfig> {
  const values = v.parse(commonSchema, entry);
  const common = {
    name,
    callTimeoutMs: values.callTimeoutMs ?? defaultLimits.callMs,
    startTimeoutMs: values.startTimeoutMs ?? defaultLimits.startMs,
    idleTimeoutMs: defaultLimits.idleMs,
    tools: readFilter(values, texts),
    keepAlive: values.keepAlive,
    start: values.start ?? "early",
    card: values.card,
    ...(values.pin ?? context.pin ? { pin: values.pin ?? context.pin } : {}),
    resultCharsMax: values.resultCharsMax,
  } as const;
  const own = await form?.read(entry, { path, tools: common.tools, texts, context });
  return texts.problems.length === 0 && own !== undefined
    ? { ...common, ...own }
    : failServer(name, texts.problems.join("; "));
}

/** The form of an entry; refuses keys that only other forms have. */
function findForm(values: Keys, { forms }: ServerForms, texts: Texts): ServerForm | undefined {
  const [form = forms[0], other] = forms.filter(({ markers }) =>
    markers.some((key) => values[key] !== undefined)
  );
  if (form === undefined) return undefined;
  if (other !== undefined) {
    texts.refuse(
      form.by,
      `a server has either ${form.named} or ${other.named}; remove one of them`,
    );
  }
  const markers = forms.flatMap((one) => one.markers);
  for (const key of new Set(forms.flatMap(({ entries }) => Object.keys(entries)))) {
    const value = values[key];
    if (key in form.entries || markers.includes(key) || value === undefined || isEmpty(value)) {
      continue;
    }
    texts.refuse(key, `has no meaning for a server that is reached by its ${form.by}; remove it`);
  }
  return form;
}

/** Whether a value is empty, as other programs write it for keys that they do not use. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value instanceof Map ? value.size === 0 : isJsonObject(value) && value["type"] === "none";
}

function readFilter(entry: CommonEntry, texts: Texts): ToolFilter {
  const own = toFilter(entry.tools);
  const { enabledTools, enabled_tools, includeTools } = entry;
  // Gemini allows arguments after a name, which matter only to its own approvals.
  const included = includeTools?.map((name) => name.replace(/\(.*\)$/s, ""));
  const lists = { tools: own.allow, enabledTools, enabled_tools, includeTools: included };
  const allow = readAllowed(lists, texts);
  const denied = [own.deny, ...denyKeys.map((key) => entry[key])].filter((names) =>
    names !== undefined
  );
  return {
    ...own,
    ...(allow === undefined ? {} : { allow }),
    ...(denied.length === 0 ? {} : { deny: denied.flat() }),
  };
}

/** The filter that the key `tools` alone says. */
export function toFilter(tools: CommonEntry["tools"]): ToolFilter {
  if (Array.isArray(tools)) return { allow: tools };
  const { allow, deny, rename, describe } = tools ?? {};
  return {
    ...(allow === undefined ? {} : { allow }),
    ...(deny === undefined ? {} : { deny }),
    ...(rename === undefined ? {} : { rename: withoutPrototype(rename) }),
    ...(describe === undefined ? {} : { describe: withoutPrototype(describe) }),
  };
}

/** The list of offered tools; refuses two lists that differ. */
function readAllowed(
  lists: Readonly<Record<(typeof allowKeys)[number], readonly string[] | undefined>>,
  texts: Texts,
): readonly string[] | undefined {
  const given = allowKeys.flatMap((key) => {
    const names = lists[key];
    return names === undefined ? [] : [{ key, names }];
  });
  const narrow = given.filter(({ names }) => !names.includes("*"));
  const [first] = narrow;
  const other = narrow.find(({ names }) => !hasSame(names, first?.names ?? []));
  if (first !== undefined && other !== undefined) {
    texts.refuse(other.key, `offers other tools than ${first.key}; keep one of the two lists`);
  }
  return (first ?? given[0])?.names;
}

function hasSame(one: readonly string[], other: readonly string[]): boolean {
  return [...new Set(one)].sort().join("\0") === [...new Set(other)].sort().join("\0");
}

function warnOfKeys(
  name: string,
  path: string,
  entry: Keys,
  served: readonly string[],
  context: FileContext,
): void {
  const known = [...served, ...unservedKeys.keys()];
  for (const key of Object.keys(entry)) {
    if (known.includes(key) || context.passedOver.hasServerKey(name, key)) continue;
    context.warnings.push(describeUnknown(path, key, known, context.file));
  }
  for (const [outer, inner] of innerKeys) {
    const value = entry[outer];
    if (!isJsonObject(value)) continue;
    for (const key of Object.keys(value)) {
      if (inner.includes(key)) continue;
      const why = outer === "tools" ? undefined : foreignOAuthKeys.get(key);
      const at = `${path}.${outer}`;
      context.warnings.push(
        why === undefined
          ? describeUnknown(at, key, inner, context.file)
          : `Ignored ${appendKey(at, key)} of ${context.file}: ${why}`,
      );
    }
  }
}

/** Keys whose value is an object -> the keys inside. */
const innerKeys: ReadonlyMap<string, readonly string[]> = new Map([
  ["tools", toolKeys],
  ["oauth", serverOAuthKeys],
  ["auth", serverOAuthKeys],
]);

/** The sentence about an unknown key. */
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

/** The sentence about a value that is not what was expected. */
export function explainIssue(path: string, issue: v.BaseIssue<unknown>, file: string): string {
  let where = path;
  for (const { key } of issue.path ?? []) {
    where = appendKey(where, typeof key === "number" ? key : String(key));
  }
  const expected = `${where} in ${file}: expected ${issue.message}`;
  // A text of the right kind may be a secret, and the expectation says enough.
  if (issue.kind !== "schema" || issue.expected === "never") return expected;
  const mayShow = wordKeys.has(String(issue.path?.at(-1)?.key)) && typeof issue.input === "string";
  return `${expected}, got ${(mayShow ? describeWord : describeKind)(issue.input)}`;
}
