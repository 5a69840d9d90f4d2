/**
 * Remote servers that want too much of the gateway: questions without end, starts without end,
 * places on a stream that no header can name. The rest of the gateway must not notice.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  type EventStream,
  lineRules,
  type Rules,
  sessionRules,
  type Visit,
} from "../fault/hostile_upstream.ts";
import { createRemotes } from "../support/http_upstream.ts";
import { callTool } from "../support/upstream_deps.ts";
import { until } from "../support/wait.ts";

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
        expect(server.connections() < 40).toBe(true);
        expect(deps.lines.filter(({ message }) => message.includes("some are dropped")).length)
          .toBe(1);
        isDeaf = false;
        for (const visit of held) visit.status(202);
        await until("what waited is told", () => server.of("answer").length >= 500);
        const before = server.of("answer").length;
        await until("all of it", async () => {
          await callTool(upstream, "work");
          return server.of("answer").length > before + 1000;
        });
        expect(server.connections() < 60).toBe(true);
      },
      20_000,
    );
  }
});
