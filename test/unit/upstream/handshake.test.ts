/** The first message to a server, in one dialect after another, and what is remembered of it. */
import { describe, expect, test } from "bun:test";
import type { EraChoice } from "../../../src/config/config.ts";
import { GatewayError } from "../../../src/errors.ts";
import { handshakeInTurn, type HandshakeOutcome } from "../../../src/upstream/link/handshake.ts";
import {
  createDialects,
  type Dialect,
  type HandshakeResult,
} from "../../../src/upstream/link/dialect.ts";
import { createKnownDialects } from "../../../src/upstream/mcp/known_dialects.ts";
import { createTestClock } from "../../support/clock.ts";
import { createFakeServer, openFake } from "../../support/fake_connector.ts";
import { callerOf, drain, toolCall } from "../../support/upstream_deps.ts";
import { until } from "../../support/wait.ts";

const dialects = createDialects({ name: "test", version: "1" });
const [session, stateless] = dialects.of("auto", "2025-11-25") as [Dialect, Dialect];
const greeted: HandshakeResult = { description: { capabilities: {} }, revision: "r" };

const rpcError = (code: number, data?: unknown) =>
  new GatewayError("upstream_error", "No", { upstream: { code, message: "No", data } });
const refusal = rpcError(-32601);
const fault = new GatewayError("upstream_unavailable", "It refuses the credentials");

test("each dialect answers all that is asked of it", () => {
  const { codec: _, http, ...legacy } = session;
  expect(legacy).toMatchObject({
    asks: "request",
    clientContext: "handshake",
    logLevel: "session",
    subscribe: "request",
    sharing: "scope",
    hasTasks: true,
  });
  expect(stateless).toMatchObject({
    asks: "result",
    clientContext: "request",
    logLevel: "request",
    subscribe: "listen",
    sharing: "all",
    hasTasks: false,
  });
  const overHttp = {
    hasOlderTransport: true,
    hasStandaloneStream: true,
    resumesStreams: true,
    takesNotifications: true,
    mirrorsArguments: false,
  };
  expect(http).toMatchObject(overHttp);
  const otherwise = Object.entries(overHttp).map(([name, has]) => [name, !has]);
  expect(stateless.http).toMatchObject(Object.fromEntries(otherwise));
});

/** Greets a server whose answers the test gives when it likes. */
function greet(order: readonly Dialect[]) {
  const clock = createTestClock();
  const attempts = new Map<Dialect, PromiseWithResolvers<HandshakeResult>>();
  let greeting: HandshakeOutcome | undefined;
  const over = handshakeInTurn(
    order,
    (dialect) => {
      const attempt = Promise.withResolvers<HandshakeResult>();
      attempts.set(dialect, attempt);
      return attempt.promise;
    },
    { clock, limits: { probeMs: 100 } },
  ).then((one) => greeting = one);
  return { clock, attempts, over, greeting: () => greeting };
}

describe("a handshake", () => {
  test("that is answered is the only one", async () => {
    const { attempts, over } = greet([stateless, session]);
    attempts.get(stateless)?.resolve(greeted);
    expect(await over).toEqual({ dialect: stateless, ...greeted, refused: [], tried: [stateless] });
  });

  test("that is refused is followed by the next at once", async () => {
    const { attempts, over } = greet([stateless, session]);
    attempts.get(stateless)?.reject(refusal);
    await until("the next greeting", () => attempts.has(session));
    attempts.get(session)?.resolve(greeted);
    expect(await over).toEqual({
      dialect: session,
      ...greeted,
      refused: [stateless],
      tried: [stateless, session],
    });
  });

  test("that some servers do not answer is followed by the next after a while; the first answer counts", async () => {
    for (const answered of [session, stateless]) {
      const { attempts, over, clock } = greet([stateless, session]);
      clock.advance(99);
      await new Promise((resolve) => setTimeout(resolve));
      expect(attempts.has(session)).toBe(false);
      clock.advance(1);
      await until("the next greeting", () => attempts.has(session));
      attempts.get(answered)?.resolve(greeted);
      // Silence is no refusal.
      expect(await over).toMatchObject({ dialect: answered, refused: [] });
    }
  });

  test("that every server answers is waited for, however long it takes", async () => {
    const { attempts, over, clock } = greet([session, stateless]);
    clock.advance(1_000_000);
    await new Promise((resolve) => setTimeout(resolve));
    expect([...attempts.keys()]).toEqual([session]);
    attempts.get(session)?.resolve(greeted);
    expect(await over).toMatchObject({ dialect: session });
  });

  test("whose failure says nothing of how the server speaks ends the matter", async () => {
    const { attempts, over } = greet([stateless, session]);
    attempts.get(stateless)?.reject(fault);
    expect(await over).toEqual({ error: fault, refused: [], tried: [stateless] });
  });

  test("that all refuse fails with the first refusal, since the likeliest dialect was tried first", async () => {
    const { attempts, over } = greet([stateless, session]);
    attempts.get(stateless)?.reject(refusal);
    await until("the next greeting", () => attempts.has(session));
    attempts.get(session)?.reject(rpcError(-32600));
    expect(await over).toEqual({
      error: refusal,
      refused: [stateless, session],
      tried: [stateless, session],
    });
  });

  test("that comes late to a refusal still waits for the other's answer", async () => {
    const { attempts, over, clock, greeting } = greet([stateless, session]);
    clock.advance(100);
    await until("the next greeting", () => attempts.has(session));
    attempts.get(stateless)?.reject(refusal);
    await new Promise((resolve) => setTimeout(resolve));
    expect(greeting()).toBe(undefined);
    attempts.get(session)?.resolve(greeted);
    expect(await over).toMatchObject({ dialect: session, refused: [stateless] });
  });
});

describe("an error of a server's first answer", () => {
  test("says that it does not speak the stateless dialect, or that it does", () => {
    const refusals = [
      rpcError(-32601),
      rpcError(-32600),
      rpcError(-32000),
      rpcError(-32602),
      rpcError(-32022),
      rpcError(-32022, { supported: "all" }),
      rpcError(-32022, { supported: ["2025-11-25", "2024-11-05"] }),
      // An answer that cannot be read as one of this era.
      new GatewayError("bad_upstream_response"),
    ];
    for (const error of refusals) expect(stateless.isRefusal(error)).toBe(true);
    const others = [
      // It speaks that era only, in revisions that we do not have.
      rpcError(-32022, { supported: ["2099-01-01"] }),
      fault,
      new GatewayError("upstream_timeout"),
      new GatewayError("upstream_exited"),
    ];
    for (const error of others) expect(stateless.isRefusal(error)).toBe(false);
  });

  test("of a refused revision that names ours is answered by asking once more", async () => {
    const answers: (GatewayError | object)[] = [
      rpcError(-32022, { supported: ["2026-07-28"] }),
      { supportedVersions: ["2026-07-28"], capabilities: { tools: {} } },
    ];
    const methods: string[] = [];
    const options = {
      request: async (method: string) => {
        methods.push(method);
        const answer = answers.shift();
        if (answer instanceof Error || answer === undefined) throw answer;
        return answer as Record<string, unknown>;
      },
      notify: () => {},
      capabilities: {},
    };
    const { description } = await stateless.handshake(options);
    expect(description.capabilities).toEqual({ tools: {} });
    expect(methods).toEqual(["server/discover", "server/discover"]);
  });
});

describe("what is known of a server", () => {
  const known = (choice: EraChoice = "auto") => {
    const clock = createTestClock();
    const knownDialects = createKnownDialects(choice, dialects, {
      clock,
      limits: { dialectKnownMs: 1_000 },
    });
    const of = (revision: string) =>
      knownDialects.of(callerOf("a", { revision })).map(({ sharing }) =>
        sharing === "all" ? "stateless" : "session"
      );
    return { clock, knownDialects, of };
  };

  test("at first is nothing: a caller's own dialect is tried first", () => {
    const { of } = known();
    for (const wire of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
      expect(of(wire)).toEqual(["session", "stateless"]);
    }
    expect(of("2026-07-28")).toEqual(["stateless", "session"]);
  });

  test("is what it refused, and for a while only", () => {
    const { clock, knownDialects, of } = known();
    knownDialects.refused(stateless);
    expect(of("2026-07-28")).toEqual(["session"]);
    clock.advance(999);
    expect(of("2026-07-28")).toEqual(["session"]);
    clock.advance(1);
    expect(of("2026-07-28")).toEqual(["stateless", "session"]);
  });

  test("is never that it cannot be spoken to at all", () => {
    const { knownDialects, of } = known();
    knownDialects.refused(stateless);
    knownDialects.refused(session);
    expect(of("2026-07-28")).toEqual(["stateless", "session"]);
    knownDialects.accepted(session);
    expect(of("2026-07-28")).toEqual(["session"]);
  });

  test("may be fixed by the operator", () => {
    for (const wire of ["2025-11-25", "2026-07-28"]) {
      expect(known("legacy").of(wire)).toEqual(["session"]);
      expect(known("modern").of(wire)).toEqual(["stateless"]);
    }
  });
});

describe("servers of which it is known how they speak", () => {
  const modern = callerOf("p:a", { revision: "2026-07-28", asksByResult: true, sharesScope: true });
  const call = (caller = modern) => toolCall("x", {}, caller);

  test("are not asked again, until that is long ago", async () => {
    const clock = createTestClock();
    const server = createFakeServer();
    const { upstream } = await openFake(server, { clock, limits: { dialectKnownMs: 1_000 } });
    for (const scope of ["p:a", "p:b", "p:c"]) {
      await drain(upstream.open(call({ ...modern, scope })));
      if (scope === "p:b") clock.advance(1_001);
    }
    expect(server.attempts).toEqual([
      ["stateless", "session"],
      ["session"],
      ["stateless", "session"],
    ]);
    await upstream.close();
  });

  test("are spoken to in their client's own dialect where they have both", async () => {
    const server = createFakeServer({ speaks: "both" });
    const { upstream } = await openFake(server);
    await drain(upstream.open(call()));
    await drain(upstream.open(call(callerOf("s1"))));
    await drain(upstream.open(call(callerOf("s2"))));
    await drain(upstream.open(call({ ...modern, scope: "p:b" })));
    expect(server.connections.map(({ dialect }) => dialect.sharing === "all")).toEqual([
      true,
      false,
      false,
    ]);
    await upstream.close();
  });

  test("that were replaced by others of another dialect are found out", async () => {
    const server = createFakeServer({ speaks: "stateless" });
    const { upstream } = await openFake(server, { limits: { restartMsMin: 0 } });
    expect((await drain(upstream.open(call(callerOf("s1"))))).end.kind).toBe("result");
    server.speaks = "session";
    server.connections[0]?.die("it was replaced");
    for (const caller of [modern, callerOf("s1")]) {
      let end = (await drain(upstream.open(call(caller)))).end;
      // One start may fail over what was believed.
      if (end.kind !== "result") end = (await drain(upstream.open(call(caller)))).end;
      expect(end.kind).toBe("result");
    }
    expect(server.connections.at(-1)?.dialect.sharing).toBe("scope");
    await upstream.close();
  });
});
