/**
 * Everything that the gateway stores, opened together by the kind that the configuration names.
 * Each store is behind an interface that its users own; a kind is one row of `store_kinds.ts` and
 * passes the suite of test/contract/stores.test.ts. Also the keys of the data directory, which are
 * read only after the kind holds its lock, so that only one gateway makes them.
 */
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { noDirectory } from "../config/places.ts";
import type { CredentialStore } from "../credentials/provider.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { createSealer, makeKey, type Sealer } from "../seal.ts";
import type { SessionStore } from "../session/session_store.ts";
import type { CatalogStore, ProcessGroupStore } from "../upstream/deps.ts";

/** The kind if the configuration names none. */
const defaultKind = "sqlite";

/** Every store of a gateway. */
export interface Stores {
  readonly sessions: SessionStore;
  readonly catalogs: CatalogStore;
  readonly credentials: CredentialStore;
  readonly processGroups: ProcessGroupStore;
  /** Why new sessions cannot be stored; undefined while they can be. */
  problem(): Promise<string | undefined>;
  /** Writes pending changes and closes the stores. */
  close(): Promise<void>;
}

/** What a kind needs to open its stores. */
export interface StoreKindOptions {
  readonly runtime: Runtime;
  /** The data directory; `:memory:` if no file may be written. */
  readonly directory: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/**
 * What a kind opens. It holds its lock; the store of credentials still needs the key that seals
 * them.
 */
export interface StoreEngine extends Omit<Stores, "credentials"> {
  credentials(sealer: Sealer): CredentialStore;
}

/** Opens one kind of storage. Rejects with an error text when it cannot be used. */
export type StoreKind = (options: StoreKindOptions) => Promise<StoreEngine>;

/** The kinds that a configuration may name. */
export type StoreKinds = Readonly<Record<string, StoreKind>>;

/** What `openStores` needs. */
export interface OpenStoresOptions extends Omit<StoreKindOptions, "directory"> {
  readonly config: Pick<GatewayConfig, "dataDirectory" | "secret" | "store">;
  readonly kinds: StoreKinds;
}

/** The stores, and the keys that belong to them. */
export interface OpenedStores {
  readonly stores: Stores;
  readonly sealer: Sealer;
  /** Gives access to the details of `/health`; undefined if no directory keeps it. */
  readonly operatorToken: string | undefined;
  /** Values that no log line may show. */
  readonly secrets: readonly string[];
}

/** Opens all stores. Rejects with a sentence when the kind or the data directory cannot be used. */
export async function openStores(options: OpenStoresOptions): Promise<OpenedStores> {
  const { dataDirectory: directory } = options.config;
  const openKind = kindOf(options);
  try {
    return await openAll(options, openKind, directory);
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    // Some faults are already complete error texts; the system's own name no path and no remedy.
    if (directory === noDirectory || reason.startsWith("Cannot ")) throw fault;
    throw new Error(
      `Cannot use the data directory "${directory}": ${reason}; ` +
        "fix it or choose another by MCP_DATA_DIR",
      { cause: fault },
    );
  }
}

function kindOf({ config, kinds }: OpenStoresOptions): StoreKind {
  const name = config.store ?? defaultKind;
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
  if (kind !== undefined) return kind;
  throw new Error(
    `Cannot open the store "${name}": expected one of ${Object.keys(kinds).join(", ")}`,
  );
}

async function openAll(
  { config, runtime, clock, limits, log }: OpenStoresOptions,
  openKind: StoreKind,
  directory: string,
): Promise<OpenedStores> {
  const engine = await openKind({ runtime, directory, clock, limits, log });
  try {
    const keys = await readKeys(runtime, directory, config.secret);
    const sealer = await createSealer(keys.key);
    return {
      stores: { ...engine, credentials: engine.credentials(sealer) },
      sealer,
      operatorToken: keys.operatorToken,
      secrets: Object.values(keys).filter((value) => value !== undefined),
    };
  } catch (fault) {
    await engine.close();
    throw fault;
  }
}

/** The sealing key and the operator's token. */
async function readKeys(runtime: Runtime, directory: string, secret: string | undefined) {
  if (directory === noDirectory) return { key: secret ?? makeKey(), operatorToken: undefined };
  return {
    key: secret ?? await readKey(runtime, `${directory}/secret.key`),
    operatorToken: await readKey(runtime, `${directory}/operator.token`),
  };
}

/** A key in the data directory, created at the first start. */
async function readKey(runtime: Runtime, path: string): Promise<string> {
  const kept = (await runtime.readText(path))?.trim();
  if (kept !== undefined && kept !== "") return kept;
  const made = makeKey();
  await runtime.writeText(path, made);
  return made;
}
