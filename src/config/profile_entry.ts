/**
 * Reads one entry of `profiles` into one `ProfileConfig`. A fault in an entry makes it a profile
 * with a `problem`, and affects no other. Not here: the object around the entries (profiles.ts).
 */
import * as v from "valibot";
import { isJsonObject } from "../json.ts";
import { appendKey, describeKind, toldMax } from "./config_error.ts";
import { filledText, flag, mapOf, texts } from "./key_schemas.ts";
import type { ProfileConfig, ProfileServer } from "./profile.ts";
import { describeUnknown, explainIssue, toFilter } from "./server_entry.ts";
import { card, toolKeys, toolsSchema } from "./server_keys.ts";
import { namingsExpected } from "./surface_keys.ts";
import { namings } from "./surface_words.ts";
import type { FileContext } from "./texts.ts";

const serverExpected = "an object with tools";
const serverEntries = { tools: v.optional(toolsSchema) };
const serverSchema = v.pipe(
  v.custom<Record<string, unknown>>(isJsonObject, serverExpected),
  v.object(serverEntries, serverExpected),
);
const serversExpected = "an object of servers by name, or a list of their names";
const serversByName = mapOf(serverSchema, serversExpected);

/** The keys of a profile. */
export const profileSchema = v.object({
  description: v.optional(filledText),
  // A union would report no faults inside its members.
  servers: v.lazy((given) => Array.isArray(given) ? texts : serversByName),
  names: v.optional(v.picklist(namings, namingsExpected)),
  tools: v.optional(v.picklist(["list", "search"], '"list" or "search"')),
  pinned: v.optional(texts),
  prompts: v.optional(flag),
  resources: v.optional(flag),
  card,
});

const profileKeys = Object.keys(profileSchema.entries);
const serverKeys = Object.keys(serverEntries);

/** What is said of the place of an entry. */
export interface ProfilePlace {
  /** The path of the entry in its file. */
  readonly path: string;
  readonly definedIn: NonNullable<ProfileConfig["definedIn"]>;
}

/** Reads the entry at a place. */
export function readProfile(
  name: string,
  entry: unknown,
  { path, definedIn }: ProfilePlace,
  context: Pick<FileContext, "file" | "warnings">,
): ProfileConfig {
  const { file } = context;
  const fail = (problem: string) => failProfile(name, { entry, definedIn }, problem);
  if (!isJsonObject(entry)) {
    return fail(`${path} in ${file}: expected an object, got ${describeKind(entry)}`);
  }
  if (entry["servers"] === undefined) {
    return fail(`${appendKey(path, "servers")} in ${file}: expected ${serversExpected}`);
  }
  const checked = v.safeParse(profileSchema, entry);
  if (!checked.success) {
    const told = checked.issues.slice(0, toldMax);
    return fail(told.map((issue) => explainIssue(path, issue, file)).join("; "));
  }
  warnOfKeys(path, entry, context);
  const { servers, tools, pinned, ...values } = checked.output;
  if (pinned !== undefined && tools !== "search") {
    return fail(
      `${appendKey(path, "pinned")} in ${file}: has no meaning without "tools": "search"; ` +
        "remove it",
    );
  }
  return {
    ...values,
    name,
    servers: toServers(servers),
    names: values.names ?? "auto",
    ...(tools === "search" ? { search: { pinned: pinned ?? [] } } : {}),
    definedIn,
    entry,
  };
}

/** A profile that cannot be used. */
export function failProfile(
  name: string,
  given: Pick<ProfileConfig, "entry" | "definedIn">,
  problem: string,
): ProfileConfig {
  return { ...given, name, servers: [], names: "auto", problem };
}

function toServers(
  servers: v.InferOutput<typeof profileSchema>["servers"],
): readonly ProfileServer[] {
  return Array.isArray(servers)
    ? [...new Set(servers)].map((name) => ({ name, tools: {} }))
    : [...servers].map(([name, { tools }]) => ({ name, tools: toFilter(tools) }));
}

/** Warns of unknown keys of the profile, of its servers, and of their filters. */
function warnOfKeys(
  path: string,
  entry: Readonly<Record<string, unknown>>,
  { file, warnings }: Pick<FileContext, "file" | "warnings">,
): void {
  const look = (value: unknown, at: string, known: readonly string[]): void => {
    for (const key of isJsonObject(value) ? Object.keys(value) : []) {
      if (!known.includes(key)) warnings.push(describeUnknown(at, key, known, file));
    }
  };
  look(entry, path, profileKeys);
  const { servers } = entry;
  if (!isJsonObject(servers)) return;
  for (const [name, server] of Object.entries(servers)) {
    const at = appendKey(`${path}.servers`, name);
    look(server, at, serverKeys);
    if (isJsonObject(server)) look(server["tools"], `${at}.tools`, toolKeys);
  }
}
