/**
 * A remote server that counts. Whatever it does after it has accepted a call, the call runs once,
 * and its failure has the outcome unknown. With any other outcome, nothing ran.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createTestClock, runClock } from "../support/clock.ts";
import { createRemotes, remoteConfig, stateless } from "../support/http_upstream.ts";
import { createTestDeps, failTool } from "../support/upstream_deps.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import {
  lineRules,
  type Rule,
  type Rules,
  sessionRules,
  statelessRules,
} from "./hostile_upstream.ts";

const remotes = createRemotes();
/** The calls that ran at the newest server. */
let ran: string[] = [];
let isOver = false;
let stopClock = () => {};

beforeEach(() => {
  ran = [];
  isOver = false;
});
afterEach(async () => {
  isOver = true;
  await remotes.closeAll();
  stopClock();
});

const json = { "content-type": "application/json" };

/** What a server may do once a call ran. */
const afterwards: Record<string, Rule> = {
  "204": (visit) => visit.status(204),
  "202 without a stream": (visit) => visit.status(202),
  "a redirect within its origin": (visit) => visit.status(307, { location: "/again" }),
  "a redirect elsewhere": (visit) => visit.status(308, { location: "http://127.0.0.2:1/" }),
  "see other": (visit) => visit.status(303, { location: "/again" }),
  "404": (visit) => visit.status(404),
  "404 with a JSON-RPC error": (visit) => visit.error(404, { code: -32001, message: "gone" }),
  "404 of a method": (visit) => visit.error(404, { code: -32601, message: "no such method" }),
  "410": (visit) => visit.status(410),
  "408": (visit) => visit.status(408),
  "400 for a lost session": (visit) =>
    visit.error(400, { code: -32000, message: "Session expired" }),
  "500": (visit) => visit.status(500),
  "502": (visit) => visit.status(502),
  "503": (visit) => visit.status(503, { "retry-after": "0" }),
  "504": (visit) => visit.status(504),
  "500 with a JSON-RPC error": (visit) => visit.error(500, { code: -32603, message: "broken" }),
  "an internal error": (visit) => visit.error(200, { code: -32603, message: "broken" }),
  "an error of its own": (visit) => visit.error(200, { code: 7, message: "half done" }),
  "an invalid result of the tool": (visit) =>
    visit.error(200, {
      code: -32602,
      message: "Output validation error: Invalid structured content",
    }),
  "a page": (visit) => visit.status(200, { "content-type": "text/html" }, "<p>hello"),
  "unreadable JSON": (visit) => visit.status(200, json, "{"),
  "nothing": (visit) => visit.status(200),
  "no message": (visit) => visit.json({ hello: 1 }),
  "another's answer": (visit) => visit.json({ jsonrpc: "2.0", id: 4_711, result: {} }),
  "no result": (visit) => visit.json({ jsonrpc: "2.0", id: visit.message["id"], result: 5 }),
  "an empty result": (visit) => visit.result({}),
  "too much": (visit) => visit.result({ content: [], text: "x".repeat(20_000) }),
  "another encoding": (visit) => visit.status(200, { ...json, "content-encoding": "br" }, "{}"),
  "a cut before the head": (visit) => visit.cut(),
  "a cut within the body": (visit) => visit.stream({ ...json, "content-length": "99" }).cut(),
  "a stream that ends": (visit) => visit.stream().end(),
  "a stream that breaks": (visit) => visit.stream().cut(),
  "silence": () => {},
};

const dialects: Record<
  string,
  { rules: () => Rules; config: object; caller?: ReturnType<typeof stateless> }
> = {
  "of the handshake": { rules: sessionRules, config: { era: "legacy" } },
  "without sessions": { rules: statelessRules, config: { era: "modern" }, caller: stateless() },
  "with one stream": { rules: lineRules, config: { era: "legacy", transport: "sse" } },
};

/** Lets a call run, and then does what its name says. */
const running = (rules: Rules): Rules => ({
  ...rules,
  "tools/call"(visit) {
    const name = String(visit.params["name"]);
    ran.push(name);
    return afterwards[name]?.(visit);
  },
});

describe("a call that a remote server took", () => {
  for (const [kind, { rules, config, caller }] of Object.entries(dialects)) {
    test(`runs once, and its outcome is unknown: a server ${kind}`, async () => {
      // The time of a call begins once the server has it, however busy the machine is.
      const clock = createTestClock();
      stopClock = runClock(clock, () => isOver || ran.length > 0);
      for (const name of Object.keys(afterwards)) {
        if (name.endsWith("a lost session") && caller !== undefined) continue;
        ran = [];
        const { upstream } = await remotes.open(
          running(rules()),
          { ...config, callTimeoutMs: 250 },
          {
            responseBytesMax: 10_000,
            httpRetriesMax: 3,
            httpRetryMsMin: 1,
            httpRetryMsMax: 5,
            restartMsMin: 0,
          },
          { clock },
        );
        const error = await failTool(upstream, name, {}, caller);
        expect([name, error.data["outcome"], ran]).toEqual([name, "unknown", [name]]);
        const isOurs = typeof error.data["reason"] === "string";
        expect([name, isOurs, error.message.includes("is unknown")]).toEqual([
          name,
          isOurs,
          isOurs,
        ]);
      }
    });

    test(`was not run where it was refused: a server ${kind}`, async () => {
      for (const status of [400, 401, 403, 405, 409, 413, 415, 422, 429]) {
        // At its URL a stateless server that says so speaks no more.
        const { upstream } = await remotes.open(
          { ...rules(), "tools/call": (visit) => visit.status(status) },
          config,
        );
        const error = await failTool(upstream, "x", {}, caller);
        expect([status, error.data["outcome"]]).toEqual([status, "refused"]);
        expect(error.message).not.toContain("unknown");
      }
    });
  }
});

describe("a call that no server got", () => {
  test("is not sent if nothing listens, by address and by name", async () => {
    for (const url of ["http://127.0.0.1:9/mcp", "http://no-such-host.invalid/mcp"]) {
      const deps = await createTestDeps({ httpRetriesMax: 0 });
      const upstream = createUpstream(remoteConfig(url), deps);
      const error = await failTool(upstream, "x");
      expect([url, error.data["outcome"]]).toEqual([url, "not_sent"]);
      expect(error.message).not.toContain("is unknown");
      await upstream.close();
    }
  });

  test("is not sent while the circuit is open", async () => {
    const { server, upstream } = await remotes.open(
      { ...sessionRules(), "tools/call": (visit) => visit.status(503) },
      {},
      { circuitFailuresMax: 1 },
    );
    expect((await failTool(upstream, "x")).data["outcome"]).toBe("unknown");
    expect((await failTool(upstream, "x")).data["outcome"]).toBe("not_sent");
    expect(server.of("tools/call").length).toBe(1);
  });
});
