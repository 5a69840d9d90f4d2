/**
 * Credential providers in tests: a store in memory that can be made to fail, and what providers are
 * made from, with a log and hidden values that can be read. Files are a map that a test changes.
 */
import type { Clock } from "../../src/clock.ts";
import { systemClock } from "../../src/clock.ts";
import type { CredentialDeps, CredentialStore } from "../../src/credentials/provider.ts";
import { createKeyedMutex } from "../../src/keyed_mutex.ts";
import { defaultLimits, type Limits } from "../../src/limits.ts";
import type { JsonObject } from "../../src/model.ts";
import type { CredentialUse, Refusal } from "../../src/outgoing/authorization.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { createTestLog, type TestRecord } from "./log.ts";

/** A store whose values a test may read, and whose faults it chooses. */
export interface TestCredentialStore extends CredentialStore {
  readonly saved: JsonObject[];
  /** While set, nothing can be saved. */
  isFull: boolean;
  /** While set, stored values cannot be opened. */
  isLocked: boolean;
}

/** Makes an empty store. */
export function createTestCredentialStore(): TestCredentialStore {
  const values = new Map<string, JsonObject>();
  const scopes = new Set<string>();
  const inTurn = createKeyedMutex();
  const toKey = (...parts: string[]) => JSON.stringify(parts);
  const store: TestCredentialStore = {
    saved: [],
    isFull: false,
    isLocked: false,
    async load({ server, principal, kind, binding }) {
      const value = values.get(toKey(server, principal, kind, binding));
      return value !== undefined && store.isLocked ? "unreadable" : value;
    },
    async save({ server, principal, kind, binding }, value) {
      if (store.isFull) return false;
      values.set(toKey(server, principal, kind, binding), value);
      store.saved.push(value);
      return true;
    },
    inTurn: ({ server, principal, kind, binding }, work) =>
      inTurn(toKey(server, principal, kind, binding), work),
    noteScope: async (server, scope) => void scopes.add(toKey(server, scope)),
    knowsScope: async (server, scope) => scopes.has(toKey(server, scope)),
    forgetScope: async (server, scope) => void scopes.delete(toKey(server, scope)),
  };
  return store;
}

/** What a test may choose. */
export interface TestCredentialOptions {
  readonly runtime?: Pick<Runtime, "request">;
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
  readonly store?: TestCredentialStore;
  /** By path. A file whose text is `undefined` cannot be read. */
  readonly files?: Map<string, string | undefined>;
}

/** What providers are made from. */
export interface TestCredentialDeps extends CredentialDeps {
  readonly records: readonly TestRecord[];
  readonly hidden: ReadonlySet<string>;
  readonly store: TestCredentialStore;
}

/** Makes it; requests without a platform fail as one that cannot connect. */
export function createCredentialDeps(options: TestCredentialOptions = {}): TestCredentialDeps {
  const log = createTestLog();
  const hidden = new Set<string>();
  const store = options.store ?? createTestCredentialStore();
  const files = options.files ?? new Map();
  return {
    runtime: {
      request: options.runtime?.request ??
        (() => Promise.reject(Object.assign(new Error("none"), { kind: "connect", sent: false }))),
      readText(path) {
        const text = files.get(path);
        return files.has(path) && text === undefined
          ? Promise.reject(new Error(`EACCES: "${path}"`))
          : Promise.resolve(text);
      },
    },
    limits: { ...defaultLimits, httpRetryMsMin: 1, httpRetryMsMax: 2, ...options.limits },
    clock: options.clock ?? systemClock,
    log,
    records: log.records,
    store,
    credentialStore: store,
    digest: (text) => Promise.resolve(`digest of ${text.length}: ${text}`),
    addSecrets: (values) => values.forEach((value) => hidden.add(value)),
    hidden,
  };
}

/** A use of a credential; `tool` and `scope` are what matters. */
export function useOf(tool?: string, scope = "new"): CredentialUse {
  return { principal: "alice", scope, ...(tool === undefined ? {} : { tool }) };
}

/** A signal that never aborts. */
export const never = new AbortController().signal;

/** A 401 without a challenge. */
export const unauthorized: Refusal = { status: 401, challenge: undefined, nonce: undefined };
