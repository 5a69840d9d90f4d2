/**
 * An `Upstream` made of plain lists and functions, for tests of the gateway: no process, no wire.
 * A test changes its members between calls; every opened call is kept in `opened`.
 */
import { systemClock } from "../../src/clock.ts";
import { GatewayError, toGatewayError } from "../../src/errors.ts";
import { resultExchange } from "../../src/gateway/exchange.ts";
import { defaultLimits } from "../../src/limits.ts";
import {
  type Call,
  type Exchange,
  type JsonObject,
  type ListKind,
  listKinds,
} from "../../src/model.ts";
import { createExchange, type ExchangeSource } from "../../src/upstream/exchange_source.ts";
import type { Audience, Upstream } from "../../src/upstream/upstream.ts";
import { type ScopeWatch, toScopeWatches } from "./scope_audience.ts";

/** What a test decides about its server. */
export interface FakeUpstream extends Upstream {
  lists: Partial<Record<ListKind, JsonObject[]>>;
  capabilities: JsonObject;
  instructions: string | undefined;
  /** Set: describe and list reject with it. */
  broken: GatewayError | undefined;
  /** Set: describe and list wait for it. */
  slow: Promise<unknown> | undefined;
  reply: (call: Call) => Exchange;
  readonly opened: Call[];
  /** What it can tell each scope that watches it. */
  readonly watchers: Map<string, ScopeWatch>;
  readonly audiences: Set<Audience>;
  readonly ended: string[];
  /** Why calls made by `script` were given up, in order. */
  readonly cancelled: string[];
  /** Answers every call from now on as this function says; what it returns is the result. */
  script(run: (source: ExchangeSource, call: Call) => Promise<JsonObject>): void;
  closed: boolean;
  /** How often it was tried. */
  trials: number;
}

/** A server that offers what `lists` say, and answers calls with the call's own method and params. */
export function createFakeUpstream(
  name: string,
  lists: FakeUpstream["lists"] = {},
): FakeUpstream {
  const has = (kind: ListKind): boolean => lists[kind] !== undefined;
  const ready = async (): Promise<void> => {
    if (fake.slow !== undefined) await fake.slow;
    if (fake.broken !== undefined) throw fake.broken;
  };
  const fake: FakeUpstream = {
    name,
    lists,
    capabilities: {
      ...(has("tools") ? { tools: {} } : {}),
      ...(has("prompts") ? { prompts: {} } : {}),
      ...(has("resources") || has("templates") ? { resources: { subscribe: true } } : {}),
      ...(has("skills")
        ? { resources: {}, extensions: { "io.modelcontextprotocol/skills": {} } }
        : {}),
    },
    instructions: undefined,
    broken: undefined,
    slow: undefined,
    reply: (call) => resultExchange({ method: call.method, params: call.params }),
    opened: [],
    get watchers() {
      return toScopeWatches(fake.audiences);
    },
    audiences: new Set(),
    ended: [],
    cancelled: [],
    script(run) {
      fake.reply = (call) => {
        const source = createExchange({ limits: defaultLimits, clock: systemClock }, {
          cancelled: (reason) => void fake.cancelled.push(reason),
          asking: () => {},
        });
        run(source, call).then(
          (value) => source.end({ kind: "result", value }),
          (thrown) => source.end({ kind: "failure", error: toGatewayError(thrown) }),
        );
        return source.exchange;
      };
    },
    closed: false,
    trials: 0,
    async describe() {
      await ready();
      return { capabilities: fake.capabilities, instructions: fake.instructions };
    },
    knownDescription: () => undefined,
    known: (kind) =>
      fake.slow === undefined && fake.broken === undefined ? fake.lists[kind] ?? [] : undefined,
    freshness: () => undefined,
    hasListed: (kind, own) =>
      fake.lists[kind]?.some((item) => item[listKinds[kind].identity] === own) === true,
    async list(kind) {
      await ready();
      return fake.lists[kind] ?? [];
    },
    open(call) {
      fake.opened.push(call);
      return fake.reply(call);
    },
    notify: () => {},
    watch(audience) {
      fake.audiences.add(audience);
      return () => void fake.audiences.delete(audience);
    },
    endScope: (scope) => void fake.ended.push(scope),
    trial() {
      fake.trials += 1;
      return Promise.resolve();
    },
    status: () => ({ state: "idle", since: 0, connections: 0 }),
    close() {
      fake.closed = true;
      return Promise.resolve();
    },
  };
  return fake;
}
