/**
 * What belongs to no call, on the way to the clients of a surface: one notice object and one timer
 * for all, no notice of one scope to another, and none to clients that left or came later.
 */
import { describe, expect, test } from "bun:test";
import { anonymous } from "../../../src/auth/none.ts";
import { allowAll, type Policy } from "../../../src/gateway/access_policy.ts";
import { createScopes } from "../../../src/gateway/scope.ts";
import type { ResolvedSurface, Server } from "../../../src/gateway/server.ts";
import { createWatches } from "../../../src/gateway/watches.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Caller, Notice, Principal } from "../../../src/model.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";
import { createTestLog } from "../../support/log.ts";

const limits = { ...defaultLimits, changeDebounceMs: 50 };
const changed = (capability: string): Notice => ({
  kind: "notice",
  method: `notifications/${capability}/list_changed`,
  params: {},
});

/** Watches of one surface with servers of these names, and clients that keep what they get. */
function createSurface(names: readonly string[], policy: Policy = allowAll) {
  const clock = createTestClock();
  const log = createTestLog();
  const upstreams = names.map((name) => createFakeUpstream(name, { tools: [] }));
  const servers = upstreams.map((upstream) => ({ config: { name: upstream.name }, upstream }));
  const view = { surface: "/mcp", servers: servers as unknown as Server[] };
  let armed = 0;
  const watches = createWatches({
    limits,
    clock: {
      ...clock,
      after(ms, run) {
        armed += 1;
        return clock.after(ms, run);
      },
    },
    log,
    scopes: createScopes(clock, limits),
    access: { policy, strictest: () => "allow" },
    viewOf: (surface) => surface === view.surface ? view as unknown as ResolvedSurface : undefined,
  });
  const client = (scope: string, principal: Principal = anonymous, fails = false) => {
    const got: Notice[] = [];
    const caller: Caller = {
      principal,
      scope,
      revision: "any",
      capabilities: {},
      clientInfo: {},
    };
    const stop = watches.add(view.surface, caller, {
      notice(notice) {
        got.push(notice);
        if (fails) throw new Error("broken client");
      },
      ask: () => Promise.resolve({ kind: "answer", value: { by: scope } }),
    });
    return { got, stop, methods: () => got.map(({ method }) => method) };
  };
  const say = (notice: Notice, at = 0) => {
    for (const audience of upstreams[at]?.audiences ?? []) audience.noticeAll(notice);
  };
  const sayTo = (scope: string, notice: Notice) => {
    for (const audience of upstreams[0]?.audiences ?? []) audience.notice(notice, scope);
  };
  return { clock, log, upstreams, view, watches, client, say, sayTo, armed: () => armed };
}

describe("a changed list of a server that all clients share", () => {
  test("is one notice object and one timer for all, and one watch at the server", () => {
    const { clock, upstreams, client, say, armed } = createSurface(["a"]);
    const clients = Array.from({ length: 100 }, (_, at) => client(`s${at}`));
    expect(upstreams[0]?.audiences.size).toBe(1);
    for (let step = 0; step < 5; step += 1) say(changed("tools"));
    say(changed("prompts"));
    clock.advance(limits.changeDebounceMs - 1);
    expect(clients[0]?.got).toEqual([]);
    clock.advance(1);
    expect(armed()).toBe(1);
    for (const { got } of clients) {
      expect(got.map(({ method }) => method)).toEqual([
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
      ]);
      expect(got[0] === clients[0]?.got[0]).toBe(true);
    }
    clock.advance(limits.changeDebounceMs);
    expect(clients[0]?.got.length).toBe(2);
  });

  test("reaches who was there at the change: not who came since, nor who left since", () => {
    const { clock, client, say } = createSurface(["a"]);
    const [staying, leaving] = [client("stays"), client("leaves")];
    say(changed("tools"));
    const late = client("late");
    leaving.stop();
    clock.advance(limits.changeDebounceMs);
    expect([staying, leaving, late].map(({ got }) => got.length)).toEqual([1, 0, 0]);
    say(changed("tools"));
    clock.advance(limits.changeDebounceMs);
    expect([staying, leaving, late].map(({ got }) => got.length)).toEqual([2, 0, 1]);
  });

  test("reaches a client that came between two changes, with the second", () => {
    const { clock, client, say } = createSurface(["a"]);
    client("first");
    say(changed("tools"));
    const late = client("late");
    say(changed("tools"));
    clock.advance(limits.changeDebounceMs);
    expect(late.got.length).toBe(1);
  });

  test("reaches the others when a client fails, leaves or comes while it is delivered", () => {
    const { clock, log, client, say, watches, view } = createSurface(["a"]);
    const before = client("before");
    client("broken", anonymous, true);
    const caller = { principal: anonymous, scope: "moves", revision: "any" };
    let came: ReturnType<typeof client> | undefined;
    watches.add(view.surface, { ...caller, capabilities: {}, clientInfo: {} }, {
      notice() {
        leaving.stop();
        came = client("came");
      },
      ask: () => Promise.reject(new Error("no client")),
    });
    const leaving = client("leaving");
    const after = client("after");
    say(changed("tools"));
    clock.advance(limits.changeDebounceMs);
    expect([before.got.length, after.got.length]).toEqual([1, 1]);
    expect([came?.got, leaving.got]).toEqual([[], []]);
    expect(log.records.map(({ message }) => message)).toEqual(["A watcher failed"]);
  });

  test("is unknown to a principal that may not know the server", () => {
    const other: Principal = { id: "other" };
    const { clock, client, say } = createSurface(
      ["a", "b"],
      ({ id }, server) => id === other.id && server === "a" ? "deny" : "allow",
    );
    const [allowed, denied] = [client("1"), client("2", other)];
    say(changed("tools"));
    say({ kind: "notice", method: "notifications/message", params: { level: "info", data: 1 } });
    clock.advance(limits.changeDebounceMs);
    expect([allowed.got.length, denied.got.length]).toEqual([2, 0]);
    say(changed("tools"), 1);
    clock.advance(limits.changeDebounceMs);
    expect([allowed.got.length, denied.got.length]).toEqual([3, 1]);
  });
});

describe("what a server says to one scope", () => {
  test("reaches the clients of that scope alone", () => {
    const { clock, client, sayTo } = createSurface(["a"]);
    const [one, same, other] = [client("one"), client("one"), client("other")];
    sayTo("one", changed("tools"));
    sayTo("one", {
      kind: "notice",
      method: "notifications/resources/updated",
      params: { uri: "test://1" },
    });
    sayTo("unknown", changed("tools"));
    clock.advance(limits.changeDebounceMs);
    for (const { methods } of [one, same]) {
      expect(methods()).toEqual([
        "notifications/resources/updated",
        "notifications/tools/list_changed",
      ]);
    }
    expect(other.got).toEqual([]);
  });

  test("comes once, together with a change for all", () => {
    const { clock, client, say, sayTo } = createSurface(["a"]);
    const [one, other] = [client("one"), client("other")];
    sayTo("one", changed("tools"));
    say(changed("tools"));
    clock.advance(limits.changeDebounceMs);
    expect([one.got.length, other.got.length]).toEqual([1, 1]);
  });

  test("as a question is put to its newest client", async () => {
    const { upstreams, client } = createSurface(["a"]);
    client("one");
    client("other");
    const [audience] = upstreams[0]?.audiences ?? [];
    const question = { kind: "ask", id: "w1", method: "roots/list", params: {} } as const;
    expect(await audience?.ask("one", question)).toEqual({ kind: "answer", value: { by: "one" } });
    expect(await audience?.ask("none", question).catch(({ code }) => code))
      .toBe("ask_unanswerable");
  });

  test("reaches nothing once the scope has ended", () => {
    const { clock, upstreams, watches, client, say, sayTo } = createSurface(["a"]);
    const [one, other] = [client("one"), client("other")];
    sayTo("one", changed("tools"));
    watches.endScope("one");
    say(changed("prompts"));
    clock.advance(limits.changeDebounceMs);
    expect([one.got.length, other.methods()]).toEqual([0, ["notifications/prompts/list_changed"]]);
    expect([...upstreams[0]?.watchers.keys() ?? []]).toEqual(["other"]);
    one.stop();
    expect([...upstreams[0]?.watchers.keys() ?? []]).toEqual(["other"]);
  });
});

test("a surface without clients watches no server and has no timer", () => {
  const { clock, upstreams, client, say } = createSurface(["a"]);
  const { got, stop } = client("one");
  say(changed("tools"));
  stop();
  stop();
  expect(upstreams[0]?.audiences.size).toBe(0);
  clock.advance(limits.changeDebounceMs);
  expect(got).toEqual([]);
  const again = client("one");
  expect(upstreams[0]?.audiences.size).toBe(1);
  say(changed("tools"));
  clock.advance(limits.changeDebounceMs);
  expect(again.got.length).toBe(1);
});
