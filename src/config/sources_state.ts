/**
 * What the registries of servers (registry.ts) and of profiles (profile_registry.ts) share: the
 * sources of the configuration, the order of their changes, and how a change is written and applied.
 */
import type { Clock } from "../clock.ts";
import { isJsonObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import type { JsonObject } from "../model.ts";
import { addServers } from "./added_servers.ts";
import type { ServersConfig } from "./config.ts";
import { describeKind } from "./config_error.ts";
import type { ReadServersOptions } from "./mcp_json.ts";
import { addProfiles } from "./profiles.ts";
import { RegistryError } from "./registry_error.ts";
import type { ProfileRow, ProfileStore, RegistryRow, RegistryStore } from "./registry_store.ts";

/** What the sources are made of. */
export interface SourcesOptions {
  readonly store: RegistryStore;
  readonly profiles: ProfileStore;
  /** The servers and profiles of `mcp.json`. */
  readonly base: ServersConfig;
  /** How entries are read; the servers of `mcp.json` were read in the same way. */
  readonly reading: ReadServersOptions;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    "registryServersMax" | "registryProfilesMax" | "registryEntryCharsMax"
  >;
  /** Whether other instances change the same stores. */
  readonly isShared?: boolean;
  /**
   * Takes the next configuration. After a change of the registry, `before` is the one that it
   * follows; after a new reading of `mcp.json` there is none.
   */
  readonly apply: (next: ServersConfig, before: ServersConfig | undefined) => Promise<void>;
}

/** Where a configuration comes from. */
export interface Sources {
  /** `mcp.json`. */
  readonly base: ServersConfig;
  /** The registry. */
  readonly rows: readonly RegistryRow[];
  readonly profiles: readonly ProfileRow[];
}

/** The sources, and what they are together. */
export interface SourcesState {
  readonly options: SourcesOptions;
  sources: Sources;
  current: ServersConfig;
  /** Ends after the last change. */
  last: Promise<unknown>;
}

/** What became of an entry that was put into the registry. */
export interface PutOutcome {
  /** Whether the registry had nothing of this name. */
  readonly isNew: boolean;
  /** What the reader says about the entry, such as unknown keys. */
  readonly warnings: readonly string[];
}

/** The configuration that sources are together. */
export async function joinSources(
  { base, rows, profiles }: Sources,
  { reading }: Pick<SourcesOptions, "reading">,
): Promise<ServersConfig> {
  return addProfiles(await addServers(base, rows, reading), profiles);
}

/** Changes run one after the other, so that each is checked against what it will join. */
export function inTurn<Value>(state: SourcesState, work: () => Promise<Value>): Promise<Value> {
  const turn = state.last.then(work);
  state.last = turn.catch(() => {});
  return turn;
}

/** The same for a change of the registry, which another instance may have changed meanwhile. */
export function changeInTurn<Value>(
  state: SourcesState,
  work: () => Promise<Value>,
): Promise<Value> {
  if (state.options.isShared !== true) return inTurn(state, work);
  return inTurn(state, async () => {
    await writeRegistry(() => readAgain(state));
    return await work();
  });
}

/** Applies what is stored of the registry now, if it is not what was read last. */
export async function readAgain(state: SourcesState): Promise<void> {
  const { options, sources } = state;
  const [rows, profiles] = await Promise.all([options.store.all(), options.profiles.all()]);
  const isSame = JSON.stringify([rows, profiles]) ===
    JSON.stringify([sources.rows, sources.profiles]);
  if (isSame) return;
  const read = { ...sources, rows, profiles };
  await applyChange(state, read, await joinSources(read, options));
}

/** Applies a change of the registry, which is written. */
export async function applyChange(
  state: SourcesState,
  sources: Sources,
  next: ServersConfig,
): Promise<void> {
  const before = state.current;
  state.sources = sources;
  state.current = next;
  await state.options.apply(next, before);
}

/** Rows with one more, or with another one in the place of that with the same name. */
export function replaceRow<Row extends { readonly name: string }>(
  rows: readonly Row[],
  row: Row,
): readonly Row[] {
  const isKnown = rows.some(({ name }) => name === row.name);
  return isKnown ? rows.map((one) => one.name === row.name ? row : one) : [...rows, row];
}

/** An entry that the registry takes. Throws `invalid` for any other. */
export function assertEntry(
  given: unknown,
  { registryEntryCharsMax }: SourcesOptions["limits"],
): JsonObject {
  if (!isJsonObject(given)) {
    throw new RegistryError(
      "invalid",
      `Cannot use the entry: expected an object, got ${describeKind(given)}`,
    );
  }
  const { length } = JSON.stringify(given);
  if (length <= registryEntryCharsMax) return given;
  throw new RegistryError(
    "invalid",
    `Cannot use the entry: it has ${length} characters; expected at most ${registryEntryCharsMax}`,
  );
}

/** Writes to the store; rejects with `store_unavailable`. */
export async function writeRegistry(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new RegistryError("store_unavailable", `Cannot write the registry: ${reason}`, fault);
  }
}
