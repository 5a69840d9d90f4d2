/**
 * A server that reports progress is working, whether or not the client asked for progress: the call
 * does not time out for silence. On every transport and in both eras.
 */
import { afterEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  type EventStream,
  lineRules,
  sessionRules,
  statelessRules,
} from "../fault/hostile_upstream.ts";
import { createRemotes, stateless } from "../support/http_upstream.ts";
import {
  callerOf,
  createTestDeps,
  drain,
  hostileConfig,
  textOf,
  toolCall,
} from "../support/upstream_deps.ts";

const remotes = createRemotes();
const closing: Upstream[] = [];
afterEach(async () => {
  await remotes.closeAll();
  await Promise.all(closing.splice(0).map((upstream) => upstream.close()));
});

/** Silence allowed, and the work: longer in all, each part much shorter. */
const callTimeoutMs = 1_000;
const steps = 8;
const stepMs = 200;

/** Reports progress on a stream as a server does that was given a token, then gives the result. */
async function work(stream: EventStream, { params, id }: Asked): Promise<void> {
  const { progressToken } = (params["_meta"] ?? {}) as JsonObject;
  for (let step = 1; step <= steps; step += 1) {
    await new Promise((resolve) => setTimeout(resolve, stepMs));
    if (progressToken === undefined) continue;
    const progress = { progressToken, progress: step };
    stream.event({
      data: { jsonrpc: "2.0", method: "notifications/progress", params: progress },
    });
  }
  const content = [{ type: "text", text: "worked" }];
  stream.result({ content, resultType: "complete" }, id);
}

interface Asked {
  readonly params: JsonObject;
  readonly id: unknown;
}

const servers: Readonly<Record<string, () => Promise<Upstream>>> = {
  async stdio() {
    const config = hostileConfig([], { callTimeoutMs });
    const upstream = createUpstream(config, await createTestDeps());
    closing.push(upstream);
    return upstream;
  },
  async "Streamable HTTP"() {
    const { upstream } = await remotes.open({
      ...sessionRules(),
      "tools/call"(visit) {
        const stream = visit.stream();
        const asked = { params: visit.params, id: visit.message["id"] };
        work(stream, asked).then(() => stream.end(), () => {});
      },
    }, { callTimeoutMs });
    return upstream;
  },
  async "Streamable HTTP without sessions"() {
    const { upstream } = await remotes.open({
      ...statelessRules(),
      "tools/call"(visit) {
        const stream = visit.stream();
        const asked = { params: visit.params, id: visit.message["id"] };
        work(stream, asked).then(() => stream.end(), () => {});
      },
    }, { callTimeoutMs, era: "modern" });
    return upstream;
  },
  async "HTTP+SSE"() {
    const rules = lineRules();
    const { upstream } = await remotes.open({
      ...rules,
      "tools/call"(visit) {
        visit.status(202);
        work(rules.line(), { params: visit.params, id: visit.message["id"] }).catch(() => {});
      },
    }, { callTimeoutMs, transport: "sse", era: "legacy" });
    return upstream;
  },
};

describe("a call of a client that wants no progress", () => {
  for (const [name, open] of Object.entries(servers)) {
    test(`is kept alive by the progress of its server, and gets none: ${name}`, async () => {
      const call = toolCall("progress", { steps, ms: stepMs });
      const outcomes = [callerOf("a"), stateless()].map(async (caller) =>
        await drain((await open()).open({ ...call, caller }))
      );
      for (const { notices, end } of await Promise.all(outcomes)) {
        expect(notices).toEqual([]);
        expect(end.kind).toBe("result");
        expect(textOf(end)).not.toBe("");
      }
    });
  }

  test("sends the server a token with each method that runs code", async () => {
    const { server, upstream } = await remotes.open({
      ...sessionRules(),
      "prompts/get": (visit) => visit.result({ messages: [] }),
      "resources/read": (visit) => visit.result({ contents: [] }),
    });
    const calls = [
      ["tools/call", { name: "work", arguments: {} }],
      ["prompts/get", { name: "p" }],
      ["resources/read", { uri: "a:b" }],
    ] as const;
    const tokens: unknown[] = [];
    for (const [method, params] of calls) {
      const call = { method, params, wantsProgress: false, caller: callerOf("a") };
      await drain(upstream.open(call));
      const { _meta: meta } = server.of(method)[0]?.params ?? {};
      tokens.push((meta as JsonObject | undefined)?.["progressToken"]);
    }
    expect(tokens.every((token) => typeof token === "number")).toBe(true);
    expect(new Set(tokens).size).toBe(calls.length);
  });
});
