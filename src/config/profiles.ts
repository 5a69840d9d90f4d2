/**
 * The profiles of `mcp.json` (its key `profiles`, next to the servers) and those of the registry,
 * which are read by the same reader and follow the same rules. If both have a profile of one name,
 * that of `mcp.json` counts. Not here: the keys of an entry (profile_entry.ts).
 */
import { isJsonObject } from "../json.ts";
import type { ServersConfig } from "./config.ts";
import { appendKey, ConfigError, describeKind } from "./config_error.ts";
import { nearestName } from "./nearest.ts";
import type { ProfileConfig } from "./profile.ts";
import { failProfile, readProfile } from "./profile_entry.ts";
import type { ProfileRow } from "./registry_store.ts";
import { urlNameProblem } from "./surface_names.ts";
import type { ServerSource } from "./surface_words.ts";
import type { FileContext } from "./texts.ts";

/** The name of the registry in texts that name a file. */
const place = "the registry";

/**
 * The profiles of a file; undefined if it has none. Throws a ConfigError if the value is no object.
 */
export function readProfiles(
  value: unknown,
  context: Pick<FileContext, "file" | "warnings">,
): readonly ProfileConfig[] | undefined {
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) {
    throw new ConfigError([
      `Cannot use profiles in ${context.file}: expected an object, got ${describeKind(value)}`,
    ]);
  }
  return Object.entries(value).map(([name, entry]) =>
    readNamed(name, entry, { path: appendKey("profiles", name), definedIn: "file" }, context)
  );
}

function readNamed(
  name: string,
  entry: unknown,
  at: Parameters<typeof readProfile>[2],
  context: Pick<FileContext, "file" | "warnings">,
): ProfileConfig {
  const problem = urlNameProblem(name);
  return problem === undefined ? readProfile(name, entry, at, context) : failProfile(
    name,
    { entry, definedIn: at.definedIn },
    `${at.path} in ${context.file}: ${problem}`,
  );
}

/** A configuration with the profiles of the registry. */
export function addProfiles(base: ServersConfig, rows: readonly ProfileRow[]): ServersConfig {
  if (rows.length === 0) return base;
  const { profiles = [] } = base;
  const ofFile = new Set(profiles.map(({ name }) => name));
  const warnings = [...base.warnings];
  const hidden = rows.filter(({ name }) => ofFile.has(name)).map(({ name }) =>
    `Profile ${JSON.stringify(name)} of ${place} is not used: ` +
    "mcp.json has a profile of the same name"
  );
  const added = rows.filter(({ name }) => !ofFile.has(name)).map(({ name, entry }) => {
    const at = { path: appendKey("profiles", name), definedIn: "registry" } as const;
    return readNamed(name, entry, at, { file: place, warnings });
  });
  const notes = [...base.notes ?? [], ...hidden];
  return {
    ...base,
    profiles: [...profiles, ...added],
    warnings,
    ...(notes.length === 0 ? {} : { notes }),
  };
}

/** One profile, for the operator. */
export interface ProfileReport {
  readonly name: string;
  readonly source: ServerSource;
  /** As it was given. */
  readonly entry: unknown;
  /** Servers that it names and that are not configured. Absent: none. */
  readonly missing?: readonly string[];
  /** Why it cannot be used. Absent: it can. */
  readonly problem?: string;
}

/** A report of each profile. */
export function reportProfiles(config: NamedParts): readonly ProfileReport[] {
  const isKnown = knownServers(config);
  return (config.profiles ?? []).map(
    ({ name, definedIn = "file", entry = {}, problem, servers }) => {
      const missing = servers.map((server) => server.name).filter((server) => !isKnown(server));
      return {
        name,
        source: definedIn,
        entry,
        ...(missing.length === 0 ? {} : { missing }),
        ...(problem === undefined ? {} : { problem }),
      };
    },
  );
}

/** What a configuration names. */
type NamedParts = Pick<ServersConfig, "profiles" | "servers" | "disabled">;

function knownServers({ servers, disabled = [] }: NamedParts): (name: string) => boolean {
  const names = new Set([...servers, ...disabled].map(({ name }) => name));
  return (name) => names.has(name);
}

/** A sentence for each server that profiles name and that is not configured: it may still come. */
export function unknownProfileServers(config: NamedParts): string[] {
  const { servers, disabled = [] } = config;
  const known = [...servers, ...disabled].map(({ name }) => name);
  return reportProfiles(config).flatMap((profile) =>
    (profile.missing ?? []).map((name) => {
      const near = nearestName(name, known);
      const advice = near === undefined ? "" : `; did you mean ${JSON.stringify(near)}?`;
      return `Profile ${JSON.stringify(profile.name)} names server ${JSON.stringify(name)}, ` +
        `which is not configured${advice}`;
    })
  );
}
