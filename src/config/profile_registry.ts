/**
 * The profiles of the registry: those that the command line or the admin API adds next to
 * `mcp.json`. A change is checked by the reader of `mcp.json`, stored, and then applied.
 */
import type { ServersConfig } from "./config.ts";
import { unknownProfileServers } from "./profiles.ts";
import { RegistryError } from "./registry_error.ts";
import type { ProfileRow } from "./registry_store.ts";
import {
  applyChange,
  assertEntry,
  changeInTurn,
  joinSources,
  type PutOutcome,
  replaceRow,
  type SourcesState,
  writeRegistry,
} from "./sources_state.ts";

/**
 * The profiles that were added. Each change is on disk and applied when its promise resolves;
 * otherwise the promise rejects with a `RegistryError`, and nothing has changed.
 */
export interface ProfileRegistry {
  /** The rows in the order in which they were added, with their entries as they were given. */
  list(): readonly ProfileRow[];
  /** Adds a profile, or replaces its entry, which is as in `mcp.json`. */
  put(name: string, entry: unknown): Promise<PutOutcome>;
  remove(name: string): Promise<void>;
}

/** Makes the registry of profiles on the sources of a configuration. */
export function createProfileRegistry(state: SourcesState): ProfileRegistry {
  return {
    list: () => state.sources.profiles,
    put: (name, entry) => changeInTurn(state, () => put(state, name, entry)),
    remove: (name) => changeInTurn(state, () => remove(state, name)),
  };
}

async function put(state: SourcesState, name: string, given: unknown): Promise<PutOutcome> {
  assertNotInFile(state, name);
  const { options, sources } = state;
  const { profiles: store, clock, limits } = options;
  const { profiles: rows } = sources;
  const entry = assertEntry(given, limits);
  const known = rows.find((row) => row.name === name);
  if (known === undefined && rows.length >= limits.registryProfilesMax) {
    throw new RegistryError(
      "full",
      `Cannot add profile ${JSON.stringify(name)}: the registry has ${rows.length} profiles, ` +
        "the most that it takes; remove one first",
    );
  }
  const row = { name, entry, addedAt: known?.addedAt ?? clock.wall() };
  const nextSources = { ...sources, profiles: replaceRow(rows, row) };
  const next = await joinSources(nextSources, options);
  assertUsable(next, name);
  await writeRegistry(() => store.put(row));
  const said = new Set(linesOf(state.current));
  await applyChange(state, nextSources, next);
  return { isNew: known === undefined, warnings: linesOf(next).filter((line) => !said.has(line)) };
}

/** What is said of a configuration with profiles. */
function linesOf(config: ServersConfig): readonly string[] {
  return [...config.warnings, ...unknownProfileServers(config)];
}

async function remove(state: SourcesState, name: string): Promise<void> {
  assertNotInFile(state, name);
  const { options, sources } = state;
  if (!sources.profiles.some((row) => row.name === name)) {
    throw new RegistryError("unknown", `No profile ${JSON.stringify(name)} is in the registry`);
  }
  const profiles = sources.profiles.filter((row) => row.name !== name);
  const nextSources = { ...sources, profiles };
  const next = await joinSources(nextSources, options);
  await writeRegistry(() => options.profiles.remove(name));
  await applyChange(state, nextSources, next);
}

function assertUsable({ profiles = [] }: ServersConfig, name: string): void {
  const problem = profiles.find((profile) => profile.name === name)?.problem;
  if (problem === undefined) return;
  throw new RegistryError("invalid", `Cannot use profile ${JSON.stringify(name)}: ${problem}`);
}

function assertNotInFile({ sources, options: { reading } }: SourcesState, name: string): void {
  if (!(sources.base.profiles ?? []).some((profile) => profile.name === name)) return;
  throw new RegistryError(
    "in_file",
    `Cannot change profile ${JSON.stringify(name)}: it is in ${reading.path}; edit that file`,
  );
}
