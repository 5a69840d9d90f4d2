/**
 * The registry: servers that the command line or the admin API adds next to `mcp.json`. A change is
 * checked by the reader of `mcp.json`, stored, and then applied, one change at a time. A new reading
 * of `mcp.json` keeps the servers of the registry. Not here: how the two are merged
 * (added_servers.ts), and how rows are stored (store/).
 */
import type { Clock } from "../clock.ts";
import { isJsonObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { addServers } from "./added_servers.ts";
import { type FailedServerConfig, type ServersConfig, toSafePrefix } from "./config.ts";
import { describeKind } from "./config_error.ts";
import { nameProblem, type ReadServersOptions } from "./mcp_json.ts";
import { isSwitchedOff, withoutSwitches } from "./other_programs.ts";
import { RegistryError } from "./registry_error.ts";
import type { RegistryRow, RegistryStore } from "./registry_store.ts";
import { isOfKind } from "./server_kind.ts";

/** What became of an entry that was put into the registry. */
export interface PutOutcome {
  /** Whether the registry had no server of this name. */
  readonly isNew: boolean;
  /** What the reader says about the entry, such as unknown keys. */
  readonly warnings: readonly string[];
}

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

/** The servers of `mcp.json` and the registry together. */
export interface ConfigurationSources {
  readonly registry: Registry;
  /** The latest servers of both. */
  current(): ServersConfig;
  /** Applies a new reading of `mcp.json`. */
  reload(base: ServersConfig): Promise<void>;
}

/** How the entries of the registry are read: as those of `mcp.json`. */
export interface EntryReadingOptions {
  /** The place of `mcp.json`, whether or not it exists; relative paths start at its folder. */
  readonly path: string;
  /** The variables that entries may name. */
  readonly env: Readonly<Record<string, string>>;
}

/** What the sources are made of. */
export interface SourcesOptions {
  readonly store: RegistryStore;
  /** The servers of `mcp.json`. */
  readonly base: ServersConfig;
  /** How entries are read; the servers of `mcp.json` were read in the same way. */
  readonly reading: ReadServersOptions;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "registryServersMax" | "registryEntryCharsMax">;
  /**
   * Takes the next servers. After a change of the registry, `before` are those that they follow;
   * after a new reading of `mcp.json` there is none.
   */
  readonly apply: (next: ServersConfig, before: ServersConfig | undefined) => Promise<void>;
}

interface SourcesState {
  readonly options: SourcesOptions;
  base: ServersConfig;
  rows: readonly RegistryRow[];
  current: ServersConfig;
  /** Ends after the last change. */
  last: Promise<unknown>;
}

/** Reads the registry. Rejects when the store cannot be read. */
export async function openSources(options: SourcesOptions): Promise<ConfigurationSources> {
  const { store, base, reading } = options;
  const rows = await store.all();
  const current = await addServers(base, rows, reading);
  const state: SourcesState = { options, base, rows, current, last: Promise.resolve() };
  return {
    registry: {
      list: () => state.rows,
      put: (name, entry) => inTurn(state, () => put(state, name, entry)),
      remove: (name) => inTurn(state, () => remove(state, name)),
      setDisabled: (name, disabled) => inTurn(state, () => setDisabled(state, name, disabled)),
    },
    current: () => state.current,
    reload: (next) =>
      inTurn(state, async () => {
        const servers = await addServers(next, state.rows, reading);
        state.base = next;
        state.current = servers;
        await options.apply(servers, undefined);
      }),
  };
}

/** Changes run one after the other, so that each is checked against what it will join. */
function inTurn<Value>(state: SourcesState, work: () => Promise<Value>): Promise<Value> {
  const turn = state.last.then(work);
  state.last = turn.catch(() => {});
  return turn;
}

async function apply(state: SourcesState, next: ServersConfig): Promise<void> {
  const before = state.current;
  state.current = next;
  await state.options.apply(next, before);
}

async function put(state: SourcesState, name: string, given: unknown): Promise<PutOutcome> {
  assertNotInFile(state, name);
  const { options: { store, clock, limits, reading }, rows, base } = state;
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
  const checked = await addServers(base, replaceRow(rows, { ...row, disabled: false }), reading);
  assertUsable(checked, name);
  const nextRows = replaceRow(rows, row);
  const next = row.disabled ? await addServers(base, nextRows, reading) : checked;
  await write(() => store.put(row));
  const said = new Set(state.current.warnings);
  state.rows = nextRows;
  await apply(state, next);
  return {
    isNew: known === undefined,
    warnings: checked.warnings.filter((warning) => !said.has(warning)),
  };
}

async function remove(state: SourcesState, name: string): Promise<void> {
  assertNotInFile(state, name);
  rowOf(state, name);
  const { options: { store, reading }, rows, base } = state;
  const nextRows = rows.filter((row) => row.name !== name);
  const next = await addServers(base, nextRows, reading);
  await write(() => store.remove(name));
  state.rows = nextRows;
  await apply(state, next);
}

async function setDisabled(state: SourcesState, name: string, disabled: boolean): Promise<void> {
  assertNotInFile(state, name);
  const row = rowOf(state, name);
  if (row.disabled === disabled) return;
  if (!disabled) assertOwnPrefix(state, name);
  const { options: { store, reading }, rows, base } = state;
  const nextRows = replaceRow(rows, { ...row, disabled });
  const next = await addServers(base, nextRows, reading);
  if (!disabled) assertUsable(next, name);
  await write(() => store.setDisabled(name, disabled));
  state.rows = nextRows;
  await apply(state, next);
}

function replaceRow(rows: readonly RegistryRow[], row: RegistryRow): readonly RegistryRow[] {
  const isKnown = rows.some(({ name }) => name === row.name);
  return isKnown ? rows.map((one) => one.name === row.name ? row : one) : [...rows, row];
}

function toEntry(given: unknown, limits: SourcesOptions["limits"]) {
  if (!isJsonObject(given)) {
    throw new RegistryError(
      "invalid",
      `Cannot use the entry: expected an object, got ${describeKind(given)}`,
    );
  }
  const { length } = JSON.stringify(given);
  if (length > limits.registryEntryCharsMax) {
    throw new RegistryError(
      "invalid",
      `Cannot use the entry: it has ${length} characters; expected at most ` +
        `${limits.registryEntryCharsMax}`,
    );
  }
  return { stored: withoutSwitches(given) as JsonObject, isOff: isSwitchedOff(given) };
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
function assertOwnPrefix({ base, rows }: SourcesState, name: string): void {
  const ofFile = base.servers.filter(({ definedIn }) => definedIn !== "built-in");
  const isHidden = new Set(base.disabled?.map((one) => one.name));
  const ofRows = rows.filter((row) => !row.disabled && !isHidden.has(row.name));
  const others = [...ofFile, ...ofRows].map((one) => one.name).filter((other) => other !== name);
  const problem = nameProblem(name, new Map(others.map((other) => [toSafePrefix(other), other])));
  if (problem === undefined) return;
  throw new RegistryError("invalid", `Cannot use server ${JSON.stringify(name)}: ${problem}`);
}

function assertNotInFile({ base, options: { reading } }: SourcesState, name: string): void {
  const all = [...base.servers, ...base.disabled ?? []];
  const isThere = all.some((one) => one.name === name && one.definedIn !== "built-in");
  if (!isThere) return;
  throw new RegistryError(
    "in_file",
    `Cannot change server ${JSON.stringify(name)}: it is in ${reading.path}; edit that file`,
  );
}

function rowOf({ rows }: SourcesState, name: string): RegistryRow {
  const row = rows.find((one) => one.name === name);
  if (row !== undefined) return row;
  throw new RegistryError("unknown", `No server ${JSON.stringify(name)} is in the registry`);
}

async function write(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new RegistryError("store_unavailable", `Cannot write the registry: ${reason}`, fault);
  }
}
