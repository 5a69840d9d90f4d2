/**
 * The registry: servers that the command line or the admin API adds next to `mcp.json`. A change is
 * checked by the reader of `mcp.json`, stored, and then applied, one change at a time. A new reading
 * of `mcp.json` keeps the servers of the registry. Not here: its profiles (profile_registry.ts), how
 * the two are merged (added_servers.ts), and how rows are stored (store/).
 */
import type { JsonObject } from "../model.ts";
import { type FailedServerConfig, type ServersConfig, toSafePrefix } from "./config.ts";
import { nameProblem } from "./mcp_json.ts";
import { isSwitchedOff, withoutSwitches } from "./other_programs.ts";
import { createProfileRegistry, type ProfileRegistry } from "./profile_registry.ts";
import { RegistryError } from "./registry_error.ts";
import type { RegistryRow } from "./registry_store.ts";
import { isOfKind } from "./server_kind.ts";
import {
  applyChange,
  assertEntry,
  changeInTurn,
  inTurn,
  joinSources,
  type PutOutcome,
  readAgain,
  replaceRow,
  type SourcesOptions,
  type SourcesState,
  writeRegistry,
} from "./sources_state.ts";

/**
 * The servers that were added. Each change is on disk and applied when its promise resolves;
 * otherwise the promise rejects with a `RegistryError`, and nothing has changed.
 */
export interface Registry {
  /** The rows in the order in which they were added, with their entries as they were given. */
  list(): readonly RegistryRow[];
  /**
   * Adds a server, or replaces its entry. The entry is as in `mcp.json`; a key that switches it off
   * makes it a disabled server.
   */
  put(name: string, entry: unknown): Promise<PutOutcome>;
  remove(name: string): Promise<void>;
  setDisabled(name: string, disabled: boolean): Promise<void>;
}

/** The servers and profiles of `mcp.json` and the registry together. */
export interface ConfigurationSources {
  readonly registry: Registry;
  readonly profiles: ProfileRegistry;
  /** The latest of both. */
  current(): ServersConfig;
  /** Applies a new reading of `mcp.json`. */
  reload(base: ServersConfig): Promise<void>;
  /** Applies what another instance has changed in the registry. Rejects if it cannot be read. */
  readAgain(): Promise<void>;
}

/** How the entries of the registry are read: as those of `mcp.json`. */
export interface EntryReadingOptions {
  /** The place of `mcp.json`, whether or not it exists; relative paths start at its folder. */
  readonly path: string;
  /** The variables that entries may name. */
  readonly env: Readonly<Record<string, string>>;
}

/** Reads the registry. Rejects when the store cannot be read. */
export async function openSources(options: SourcesOptions): Promise<ConfigurationSources> {
  const [rows, profiles] = await Promise.all([options.store.all(), options.profiles.all()]);
  const sources = { base: options.base, rows, profiles };
  const current = await joinSources(sources, options);
  const state: SourcesState = { options, sources, current, last: Promise.resolve() };
  return {
    registry: {
      list: () => state.sources.rows,
      put: (name, entry) => changeInTurn(state, () => put(state, name, entry)),
      remove: (name) => changeInTurn(state, () => remove(state, name)),
      setDisabled: (name, disabled) =>
        changeInTurn(state, () => setDisabled(state, name, disabled)),
    },
    profiles: createProfileRegistry(state),
    current: () => state.current,
    readAgain: () => inTurn(state, () => readAgain(state)),
    reload: (base) =>
      inTurn(state, async () => {
        const read = { ...state.sources, base };
        const next = await joinSources(read, options);
        state.sources = read;
        state.current = next;
        await options.apply(next, undefined);
      }),
  };
}

async function put(state: SourcesState, name: string, given: unknown): Promise<PutOutcome> {
  assertNotInFile(state, name);
  const { options, sources } = state;
  const { store, clock, limits } = options;
  const { rows } = sources;
  const entry = toEntry(given, limits);
  const known = rows.find((row) => row.name === name);
  if (known === undefined && rows.length >= limits.registryServersMax) {
    throw new RegistryError(
      "full",
      `Cannot add server ${JSON.stringify(name)}: the registry has ${rows.length} servers, ` +
        "the most that it takes; remove one first",
    );
  }
  const addedAt = known?.addedAt ?? clock.wall();
  const row = { name, entry: entry.stored, disabled: entry.isOff, addedAt };
  if (!row.disabled) assertOwnPrefix(state, name);
  // A disabled server is checked, too: it must work when it is enabled.
  const enabled = { ...sources, rows: replaceRow(rows, { ...row, disabled: false }) };
  const checked = await joinSources(enabled, options);
  assertUsable(checked, name);
  const nextSources = { ...sources, rows: replaceRow(rows, row) };
  const next = row.disabled ? await joinSources(nextSources, options) : checked;
  await writeRegistry(() => store.put(row));
  const said = new Set(state.current.warnings);
  await applyChange(state, nextSources, next);
  return {
    isNew: known === undefined,
    warnings: checked.warnings.filter((warning) => !said.has(warning)),
  };
}

async function remove(state: SourcesState, name: string): Promise<void> {
  assertNotInFile(state, name);
  rowOf(state, name);
  const { options, sources } = state;
  const nextSources = { ...sources, rows: sources.rows.filter((row) => row.name !== name) };
  const next = await joinSources(nextSources, options);
  await writeRegistry(() => options.store.remove(name));
  await applyChange(state, nextSources, next);
}

async function setDisabled(state: SourcesState, name: string, disabled: boolean): Promise<void> {
  assertNotInFile(state, name);
  const row = rowOf(state, name);
  if (row.disabled === disabled) return;
  if (!disabled) assertOwnPrefix(state, name);
  const { options, sources } = state;
  const nextSources = { ...sources, rows: replaceRow(sources.rows, { ...row, disabled }) };
  const next = await joinSources(nextSources, options);
  if (!disabled) assertUsable(next, name);
  await writeRegistry(() => options.store.setDisabled(name, disabled));
  await applyChange(state, nextSources, next);
}

function toEntry(given: unknown, limits: SourcesOptions["limits"]) {
  const entry = assertEntry(given, limits);
  return { stored: withoutSwitches(entry) as JsonObject, isOff: isSwitchedOff(entry) };
}

function assertUsable({ servers }: ServersConfig, name: string): void {
  const server = servers.find((one) => one.name === name);
  if (server === undefined || !isOfKind<FailedServerConfig>(server, "failed")) return;
  throw new RegistryError(
    "invalid",
    `Cannot use server ${JSON.stringify(name)}: ${server.problem}`,
  );
}

/**
 * The earlier of two servers with one prefix keeps it. A server that was disabled when the other one
 * was added must not take it back from that one.
 */
function assertOwnPrefix({ sources: { base, rows } }: SourcesState, name: string): void {
  const ofFile = base.servers.filter(({ definedIn }) => definedIn !== "built-in");
  const isHidden = new Set(base.disabled?.map((one) => one.name));
  const ofRows = rows.filter((row) => !row.disabled && !isHidden.has(row.name));
  const others = [...ofFile, ...ofRows].map((one) => one.name).filter((other) => other !== name);
  const problem = nameProblem(name, new Map(others.map((other) => [toSafePrefix(other), other])));
  if (problem === undefined) return;
  throw new RegistryError("invalid", `Cannot use server ${JSON.stringify(name)}: ${problem}`);
}

function assertNotInFile({ sources, options: { reading } }: SourcesState, name: string): void {
  const { base } = sources;
  const all = [...base.servers, ...base.disabled ?? []];
  const isThere = all.some((one) => one.name === name && one.definedIn !== "built-in");
  if (!isThere) return;
  throw new RegistryError(
    "in_file",
    `Cannot change server ${JSON.stringify(name)}: it is in ${reading.path}; edit that file`,
  );
}

function rowOf({ sources: { rows } }: SourcesState, name: string): RegistryRow {
  const row = rows.find((one) => one.name === name);
  if (row !== undefined) return row;
  throw new RegistryError("unknown", `No server ${JSON.stringify(name)} is in the registry`);
}
