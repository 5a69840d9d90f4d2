/**
 * Remote servers that demand too much of the gateway: endless questions and endless starts. The
 * rest of the gateway must not be affected.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  type EventStream,
  lineRules,
  type Rules,
  sessionRules,
  type Visit,
} from "./hostile_upstream.ts";
import { defaultLimits } from "../../src/limits.ts";
import { createRemotes } from "../support/http_upstream.ts";
import { callTool, failTool } from "../support/upstream_deps.ts";
import { until, within } from "../support/wait.ts";

const remotes = createRemotes();
const { open } = remotes;
afterEach(remotes.closeAll);

const result = (text: string) => ({ content: [{ type: "text", text }] });

function pings(stream: EventStream, from: number, count: number): void {
  for (let n = from; n < from + count; n += 1) {
    stream.event({ data: { jsonrpc: "2.0", id: `ping ${n}`, method: "ping" } });
  }
}

interface Kind {
  readonly transport: "streamable" | "sse";
  readonly rules: Rules;
  streamOf(visit: Visit): EventStream;
}

/**
 * Connections at the same time: those of the answers under way, and a few of the calls, their streams
 * and the session. An answer that was taken leaves its connection a moment after the next one has
 * begun, so there may be twice as many. Those that were ever made are no measure: on a slow machine
 * unused ones are closed and made again.
 */
const others = 8;
const whileDeaf = defaultLimits.outboundSendsMax + others;
const whileTaking = 2 * defaultLimits.outboundSendsMax + others;

describe("a server that asks and does not listen to the answers", () => {
  /** How a call's stream is had, by transport. */
  const kinds: Record<string, () => Kind> = {
    "over Streamable HTTP": () => ({
      transport: "streamable",
      rules: sessionRules(),
      streamOf: (visit) => visit.stream(),
    }),
    "over the oldest transport"() {
      const rules = lineRules();
      return {
        transport: "sse",
        rules,
        streamOf(visit) {
          visit.status(202);
          return rules.line();
        },
      };
    },
  };
  for (const [name, make] of Object.entries(kinds)) {
    test(
      `${name} takes few connections, and is heard and answered again when it listens`,
      async () => {
        const { transport, rules, streamOf } = make();
        let isDeaf = true;
        const held: Visit[] = [];
        const { server, upstream, deps } = await open({
          ...rules,
          "tools/call"(visit) {
            const stream = streamOf(visit);
            pings(stream, 0, 3000);
            stream.result(result("done"), visit.message["id"]);
          },
          answer(visit) {
            if (isDeaf) held.push(visit);
            else visit.status(202);
          },
        }, { transport });
        expect(await callTool(upstream, "work")).toBe("done");
        await until("some answers came", () => held.length > 0);
        expect(await callTool(upstream, "work")).toBe("done");
        expect(server.peak()).toBeLessThan(whileDeaf);
        expect(deps.lines.filter(({ message }) => message.includes("some are dropped")).length)
          .toBe(1);
        isDeaf = false;
        for (const visit of held) visit.status(202);
        await until("the queued changes arrive", () => server.of("answer").length >= 500);
        const before = server.of("answer").length;
        await until("all of it", async () => {
          await callTool(upstream, "work");
          return server.of("answer").length > before + 1000;
        });
        expect(server.peak()).toBeLessThan(whileTaking);
      },
    );
  }
});

describe("the start of a server that hangs fails at its time limit", () => {
  const soon = { startTimeoutMs: 500 };
  const paced = () => [{}, { clock: remotes.pacedClock() }] as const;
  const half = (visit: Visit) =>
    visit.stream({ "content-type": "application/json" }, 404).raw('{"jsonrpc":');

  test("before the head of its one stream, and within the body that refuses it", async () => {
    const rules: Record<string, (visit: Visit) => unknown> = { head: () => {}, body: half };
    for (const [where, GET] of Object.entries(rules)) {
      const { upstream } = await open(
        { ...lineRules(), GET },
        { ...soon, transport: "sse" },
        ...paced(),
      );
      const error = await within(`the end, ${where}`, failTool(upstream, "work"));
      expect([where, error.data["reason"]]).toEqual([where, "upstream_unavailable"]);
    }
  });

  test("within the body that refuses the first message", async () => {
    const { upstream } = await open({ ...sessionRules(), initialize: half }, soon, ...paced());
    const error = await within("the end", failTool(upstream, "work"));
    expect(error.data["reason"]).toBe("upstream_unavailable");
  });

  test("where it never takes the end of the handshake it goes on without that", async () => {
    const rules = lineRules();
    for (const [transport, all] of [["streamable", sessionRules()], ["sse", rules]] as const) {
      const { upstream } = await open(
        { ...all, notification: () => {} },
        { ...soon, transport },
        ...paced(),
      );
      expect(await within("the call", callTool(upstream, "work", { n: 1 }))).toBe('{"n":1}');
    }
  });
});
