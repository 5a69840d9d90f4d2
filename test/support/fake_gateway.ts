/**
 * A `Gateway` whose exchanges a test drives reply by reply, for tests of the HTTP layer: no
 * upstream, no names, no process. Every call and notification is kept.
 */
import { GatewayError, toGatewayError } from "../../src/errors.ts";
import type { Gateway, GatewayStatus } from "../../src/gateway/surface.ts";
import type {
  Answer,
  Call,
  Caller,
  Description,
  Exchange,
  JsonObject,
  Notice,
  Reply,
  Watcher,
} from "../../src/model.ts";

/** One call as the gateway got it. */
export interface FakeCall {
  readonly surface: string;
  readonly call: Call;
  /** Says the next reply. */
  reply(reply: Reply): void;
  /** Ends the call well. */
  result(value: JsonObject): void;
  fail(error: GatewayError): void;
  notice(method: string, params: JsonObject): void;
  ask(id: string, method: string, params: JsonObject): void;
  /** What the client answered to asks, in order. */
  readonly answers: { readonly askId: string; readonly answer: Answer }[];
  readonly answered: Promise<Answer>;
  /** Why it was given up. */
  cancelled: string | undefined;
}

/** Who listens for a scope. */
export interface FakeWatch {
  readonly surface: string;
  readonly caller: Caller;
  readonly watcher: Watcher;
  readonly subscriptions: () => readonly string[];
}

/** What a test sees and decides. */
export interface FakeGateway extends Gateway {
  surfaces: string[];
  description: Description;
  /** Set: initialize waits for it. */
  describing: Promise<unknown> | undefined;
  servers: GatewayStatus["servers"];
  /** Calls for which this returns a value end with it at once. */
  instant: (call: Call) => JsonObject | undefined;
  readonly calls: FakeCall[];
  /** The next call that comes, or came since this was last asked. */
  nextCall(): Promise<FakeCall>;
  /** Tools whose schema is known, by name. */
  readonly tools: Map<string, JsonObject>;
  /** The last of each scope. */
  readonly watches: Map<string, FakeWatch>;
  /** All of them. */
  readonly watching: Set<FakeWatch>;
  /** Calls that wait for their clients' answers. */
  parked: number;
  readonly notified: { readonly method: string; readonly scope: string }[];
  readonly ended: string[];
}

/** Makes a gateway with `/mcp` and `/servers/files`, which echoes all but calls of `slow`. */
export function createFakeGateway(): FakeGateway {
  const calls: FakeCall[] = [];
  let taken = 0;
  let wake: (() => void) | undefined;
  const gateway: FakeGateway = {
    surfaces: ["/mcp", "/servers/files", "/servers/other"],
    description: { capabilities: { tools: {}, logging: {}, resources: { subscribe: true } } },
    describing: undefined,
    servers: [],
    instant: (call) =>
      call.params.name === "slow" ? undefined : { echo: call.params, method: call.method },
    calls,
    async nextCall() {
      while (taken >= calls.length) await new Promise<void>((resolve) => (wake = resolve));
      return calls[taken++] as FakeCall;
    },
    tools: new Map(),
    watches: new Map(),
    watching: new Set(),
    parked: 0,
    notified: [],
    ended: [],
    surface: (name) => gateway.surfaces.includes(name) ? { name } : undefined,
    cardFacts: (name) =>
      gateway.surfaces.includes(name) ? { isPublic: false, isHidden: false } : undefined,
    follow: () => {},
    revoke: () => {},
    async describe() {
      await gateway.describing;
      return gateway.description;
    },
    async serves(_surface, _caller, capability) {
      await gateway.describing;
      return gateway.description.capabilities[capability] !== undefined;
    },
    call(surface, call) {
      const tool = gateway.tools.get(String(call.params["name"]));
      try {
        if (tool !== undefined) call.checkItem?.(tool);
      } catch (thrown) {
        return instantExchange({ kind: "failure", error: toGatewayError(thrown) });
      }
      const value = gateway.instant(call);
      if (value !== undefined) return instantExchange({ kind: "result", value });
      const { fake, exchange } = createFakeCall(surface, call);
      calls.push(fake);
      wake?.();
      return exchange;
    },
    notify: (_surface, caller, method) =>
      void gateway.notified.push({ method, scope: caller.scope }),
    watch(surface, caller, watcher, subscriptions) {
      const watch = { surface, caller, watcher, subscriptions };
      gateway.watching.add(watch);
      gateway.watches.set(caller.scope, watch);
      return () => {
        gateway.watching.delete(watch);
        if (gateway.watches.get(caller.scope) === watch) gateway.watches.delete(caller.scope);
      };
    },
    endScope: (scope) => void gateway.ended.push(scope),
    status: () => ({ servers: gateway.servers }),
    load: () => ({ calls: 0, parked: gateway.parked }),
    names: () => ({ servers: gateway.servers.map(({ name }) => name), profiles: [] }),
    reconfigure: () => Promise.resolve(),
    drain: () => {},
    close: () => Promise.resolve(),
  };
  return gateway;
}

/** A notice outside of any call. */
export function notice(method: string, params: JsonObject = {}): Notice {
  return { kind: "notice", method, params };
}

function instantExchange(reply: Reply): Exchange {
  return { read: (sink) => sink?.(reply), answer: () => false, cancel: () => {} };
}

function createFakeCall(surface: string, call: Call): { fake: FakeCall; exchange: Exchange } {
  const replies: Reply[] = [];
  let sink: ((reply: Reply) => void) | undefined;
  const answered = Promise.withResolvers<Answer>();
  const say = (reply: Reply): void => {
    if (sink === undefined) replies.push(reply);
    else sink(reply);
  };
  const fake: FakeCall = {
    surface,
    call,
    reply: say,
    result: (value) => say({ kind: "result", value }),
    fail: (error) => say({ kind: "failure", error }),
    notice: (method, params) => say(notice(method, params)),
    ask: (id, method, params) => say({ kind: "ask", id, method, params }),
    answers: [],
    answered: answered.promise,
    cancelled: undefined,
  };
  const exchange: Exchange = {
    read(next) {
      sink = next;
      for (const reply of replies.splice(0)) next?.(reply);
    },
    answer(askId, answer) {
      fake.answers.push({ askId, answer });
      answered.resolve(answer);
      return true;
    },
    cancel(reason) {
      fake.cancelled ??= reason;
      say({ kind: "failure", error: new GatewayError("cancelled") });
    },
  };
  return { fake, exchange };
}
