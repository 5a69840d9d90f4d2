/**
 * Everything that the gateway stores, opened together by the kind that the configuration names.
 * Each store is behind an interface that its users own; a kind is one row of `store_kinds.ts` and
 * passes the suite of test/contract/stores.test.ts. Also the keys of the data directory, which are
 * read only after the kind holds its lock, so that only one gateway makes them.
 */
import type { KeyStore } from "../auth/key_store.ts";
import type { Bus } from "../bus/bus.ts";
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import { noDirectory } from "../config/places.ts";
import type { ProfileStore, RegistryStore } from "../config/registry_store.ts";
import type { OAuthStore } from "../oauth/oauth_store.ts";
import type { CredentialKey, CredentialStore } from "../credentials/provider.ts";
import type { ClientRegistration, GrantStore } from "../grants/grant.ts";
import type { Fence } from "../instances/fence.ts";
import type { RateTable } from "../rate_table.ts";
import type { OwnerTable } from "../instances/owner_table.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import type { UserStore } from "../oauth/user_store.ts";
import type { LoginRecords } from "../login_records.ts";
import type { RedisConnection } from "../redis/redis_connection.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { createSealer, makeKey, type Sealer } from "../seal.ts";
import type { EventStore } from "../session/event_store.ts";
import type { SessionStore } from "../session/session_store.ts";
import type { CatalogStore, ProcessGroupStore, SharedBudgets } from "../upstream/deps.ts";
import type { PinStore } from "../upstream/pins.ts";

export { noDirectory };

/** The kind if the configuration names none. */
const defaultKind = "sqlite";

/** Every store of a gateway. */
export interface Stores {
  readonly sessions: SessionStore;
  /** The event streams of sessions; undefined if they would not outlive the process. */
  readonly events: EventStore | undefined;
  readonly catalogs: CatalogStore;
  /** What was accepted of the tools of servers, and what waits for a person. */
  readonly pins: PinStore;
  readonly credentials: CredentialStore;
  /** What protected servers granted to the gateway. */
  readonly grants: GrantStore;
  readonly registry: RegistryStore;
  readonly profiles: ProfileStore;
  readonly users: UserStore;
  readonly oauth: OAuthStore;
  /** What log-ins leave behind until they are done. */
  readonly logins: LoginRecords;
  readonly processGroups: ProcessGroupStore;
  /** The API keys of clients. */
  readonly keys: KeyStore;
  /** Who owns what among the instances that use these stores; absent: this one alone does. */
  readonly owners?: OwnerTable | undefined;
  /** Refuses writes of an owner that another one has followed; absent: it refuses none. */
  readonly fence?: Pick<Fence, "join"> | undefined;
  /** How fast principals call at all instances, and what is left for web APIs; absent as `owners`. */
  readonly rates?: RateTable | undefined;
  readonly budgets?: SharedBudgets | undefined;
  /** Carries messages to the other instances as well; absent: this one alone hears them. */
  readonly bus?: Bus | undefined;
  /**
   * Copies all that is stored to a file that does not exist yet, at an absolute path; only its
   * owner may read it. Rejects with an error text.
   */
  backup(path: string): Promise<void>;
  /** What does not work at the moment; undefined if everything does. */
  problem(): Promise<StorageProblem | undefined>;
  /** For a copy of all that is stored; absent: it ends with the process. */
  readonly names?: StoredNames;
  /** Whether the stores have been unavailable for so long that others should serve. Absent: never. */
  readonly isAway?: () => boolean;
  /** Writes pending changes and closes the stores. */
  close(): Promise<void>;
}

/** The names of rows that their stores find by name alone. */
export interface StoredNames {
  /** The keys of sessions. */
  sessions(): Promise<readonly string[]>;
  /** The digests of the authorization server's codes and tokens. */
  tokens(): Promise<readonly string[]>;
  registrations(): Promise<readonly Pick<ClientRegistration, "issuer" | "redirectUri">[]>;
  credentials(): Promise<readonly CredentialKey[]>;
}

/** Why the stores work only in part. Both are parts of sentences. */
export interface StorageProblem {
  /** What that means for clients, for everyone to read. */
  readonly effect: string;
  /** The system's own words, which may name a path: for the operator. */
  readonly cause: string;
}

/** What a kind needs to open its stores. */
export interface StoreKindOptions {
  readonly runtime: Runtime;
  /** The data directory; `:memory:` if no file may be written. */
  readonly directory: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  /** The engine that the configuration names, connected; absent: it names none. */
  readonly engine?: RedisConnection | undefined;
  /** How long a session may be idle; absent: as long as by default. */
  readonly sessionTimeoutMs?: number | undefined;
}

/**
 * What a kind opens. It holds its lock; the stores of events, credentials, grants and added servers
 * still need the key that seals them.
 */
export interface StoreEngine
  extends Omit<Stores, "credentials" | "events" | "grants" | "logins" | "registry"> {
  events(sealer: Sealer): EventStore | undefined;
  credentials(sealer: Sealer): CredentialStore;
  grants(sealer: Sealer): GrantStore;
  logins(sealer: Sealer): LoginRecords;
  registry(sealer: Sealer): RegistryStore;
}

/** Opens one kind of storage. Rejects with an error text when it cannot be used. */
export type StoreKind = (options: StoreKindOptions) => Promise<StoreEngine>;

/** The kinds that a configuration may name. */
export type StoreKinds = Readonly<Record<string, StoreKind>>;

/** What `openStores` needs. */
export interface OpenStoresOptions extends Omit<StoreKindOptions, "directory"> {
  readonly config:
    & Pick<GatewayConfig, "dataDirectory" | "secret" | "store">
    & Partial<Pick<GatewayConfig, "sessionTimeoutMs">>;
  readonly kinds: StoreKinds;
}

/** The stores, and the keys that belong to them. */
export interface OpenedStores {
  readonly stores: Stores;
  readonly sealer: Sealer;
  /** Give access to the admin API; undefined if no directory keeps them. */
  readonly tokens: { readonly owner: string; readonly operator: string } | undefined;
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
  { config, kinds: _, ...shared }: OpenStoresOptions,
  openKind: StoreKind,
  directory: string,
): Promise<OpenedStores> {
  const { runtime } = shared;
  const { sessionTimeoutMs } = config;
  const engine = await openKind({ ...shared, directory, sessionTimeoutMs });
  try {
    const keys = await readKeys(runtime, directory, config.secret);
    const sealer = await createSealer(keys.key);
    return {
      stores: {
        ...engine,
        events: engine.events(sealer),
        credentials: engine.credentials(sealer),
        grants: engine.grants(sealer),
        logins: engine.logins(sealer),
        registry: engine.registry(sealer),
      },
      sealer,
      tokens: keys.tokens,
      secrets: [keys.key, ...Object.values(keys.tokens ?? {})],
    };
  } catch (fault) {
    await engine.close();
    throw fault;
  }
}

/** The sealing key, and the tokens of the admin API. */
async function readKeys(runtime: Runtime, directory: string, secret: string | undefined) {
  if (directory === noDirectory) return { key: secret ?? makeKey(), tokens: undefined };
  return {
    key: secret ?? await readKey(runtime, `${directory}/secret.key`),
    tokens: {
      owner: await readKey(runtime, `${directory}/owner.token`),
      operator: await readKey(runtime, `${directory}/operator.token`),
    },
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
