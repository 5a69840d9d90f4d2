/**
 * `auth` of `mcp.json`: an object with the settings of each authenticator kind, in whose texts
 * `${NAME}` is replaced. Each kind checks its own settings (src/auth/). `MCP_AUTH` names the kinds
 * that are in use; without it, those of the file are.
 */
import { isJsonObject } from "../json.ts";
import { isHideable, looksSecret } from "./child_environment.ts";
import type { AuthConfig } from "./config.ts";
import { appendKey, ConfigError, describeKind } from "./config_error.ts";
import { substitute } from "./substitution.ts";

/** The settings of each kind, by its name. */
export type AuthSettings = AuthConfig["settings"];

/** The settings, and the texts in them that the log must hide. */
export interface ReadAuthSettings {
  readonly settings: AuthSettings;
  readonly secrets: readonly string[];
}

/** What replacing references needs. */
export interface AuthSettingsOptions {
  /** The file, for messages. */
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Reads the value of `auth`; undefined if there is none. Throws a ConfigError with a sentence for
 * each text or kind that is wrong.
 */
export function readAuthSettings(
  value: unknown,
  { path, env }: AuthSettingsOptions,
): ReadAuthSettings | undefined {
  if (value === undefined || value === null) return undefined;
  const problems: string[] = [];
  const refuse = (where: string, problem: string) =>
    void problems.push(`Cannot use ${where} in ${path}: ${problem}`);
  const secrets: string[] = [];
  const replace = (part: unknown, where: string, key: string): unknown => {
    if (typeof part === "string") return replaceText(part, where, key);
    if (Array.isArray(part)) {
      return part.map((item, index) => replace(item, appendKey(where, index), key));
    }
    if (!isJsonObject(part)) return part;
    const members = Object.entries(part).map(([name, member]) =>
      [name, replace(member, appendKey(where, name), name)] as const
    );
    return Object.fromEntries(members);
  };
  const replaceText = (text: string, where: string, key: string): string => {
    const outcome = substitute(text, env);
    if (!outcome.ok) {
      refuse(where, outcome.problem);
      return text;
    }
    const isSecret = looksSecret(key, outcome.text) ||
      outcome.used.some((one) => looksSecret(one.name, one.value));
    if (isSecret && isHideable(outcome.text)) secrets.push(outcome.text.trim());
    return outcome.text;
  };
  const settings: Record<string, Record<string, unknown>> = {};
  if (isJsonObject(value)) {
    for (const [kind, own] of Object.entries(value)) {
      if (isJsonObject(own)) settings[kind] = replace(own, appendKey("auth", kind), kind) as never;
      else refuse(appendKey("auth", kind), `expected an object, got ${describeKind(own)}`);
    }
  } else {refuse(
      "auth",
      `expected an object with the settings of each kind, got ${describeKind(value)}`,
    );}
  if (problems.length > 0) throw new ConfigError(problems);
  return { settings, secrets };
}

/** The kinds in use with their settings; undefined if clients do not authenticate. */
export function chooseKinds(
  named: readonly string[] | undefined,
  settings: AuthSettings | undefined,
): AuthConfig | undefined {
  const kinds = named ?? Object.keys(settings ?? {});
  return kinds.length === 0 ? undefined : { kinds, settings: settings ?? {} };
}
