/** What upstreams get, and what the gateway accepts from them. */
import { describe, expect, test } from "bun:test";
import {
  decodeInitialize,
  initializeParams,
} from "../../../src/protocol/legacy/initialize_params.ts";
import { revisions } from "../../../src/protocol/legacy/revisions.ts";
import { relayableCapabilities } from "../../../src/protocol/shared/relayed_capabilities.ts";
import { legacyUpstreamCodec as codec } from "../../../src/protocol/legacy/upstream_facing.ts";

describe("calls", () => {
  test("carry a progress token next to the vendor keys, 0 too", () => {
    const params = { name: "a", _meta: { v: 1 } };
    const call = {
      method: "tools/call",
      params,
      progressToken: 0,
      clientContext: { capabilities: {} },
    };
    expect(codec.encodeCall(call)).toEqual({
      method: "tools/call",
      params: { name: "a", _meta: { v: 1, progressToken: 0 } },
    });
  });

  test("carry no _meta without one", () => {
    const call = { method: "ping", params: {}, clientContext: { capabilities: {} } };
    expect(codec.encodeCall(call)).toEqual({ method: "ping", params: {} });
  });
});

describe("results", () => {
  const tool = { name: "a", inputSchema: { type: "object" } };
  const taken: [string, unknown, unknown][] = [
    ["tools/list", { tools: [tool], nextCursor: "x" }, { tools: [tool], nextCursor: "x" }],
    ["tools/list", { tools: [tool], nextCursor: 0 }, { tools: [tool], nextCursor: 0 }],
    ["tools/list", { tools: [tool], nextCursor: "" }, { tools: [tool] }],
    ["tools/list", { tools: [tool], nextCursor: false }, { tools: [tool] }],
    ["tools/list", { tools: [tool], nextCursor: null }, { tools: [tool] }],
    ["tools/list", { tools: [null, {}, { name: 1 }, { ...tool, name: "a\u0000" }, tool] }, {
      tools: [tool],
    }],
    ["resources/list", { resources: [{ uri: "a://b", name: "b" }, { name: "c" }] }, {
      resources: [{ uri: "a://b", name: "b" }],
    }],
    ["resources/templates/list", { resourceTemplates: [{ uriTemplate: "a://{b}", name: "b" }] }, {
      resourceTemplates: [{ uriTemplate: "a://{b}", name: "b" }],
    }],
    ["prompts/list", { prompts: [] }, { prompts: [] }],
    ["tools/call", { structuredContent: {} }, { content: [], structuredContent: {} }],
    ["tools/call", { content: [] }, { content: [] }],
    ["tools/call", { isError: true }, { content: [], isError: true }],
    ["tools/call", { toolResult: "done" }, { content: [{ type: "text", text: "done" }] }],
    ["tools/call", { toolResult: { sum: 3 }, isError: true }, {
      content: [{ type: "text", text: '{"sum":3}' }],
      isError: true,
    }],
    ["tools/call", { content: [{ type: "new" }], isError: true }, {
      content: [{ type: "new" }],
      isError: true,
    }],
    ["resources/read", { contents: [] }, { contents: [] }],
    ["prompts/get", { messages: [] }, { messages: [] }],
    ["completion/complete", { completion: { values: [] } }, { completion: { values: [] } }],
    ["logging/setLevel", {}, {}],
  ];
  for (const [method, value, expected] of taken) {
    test(`${method} ${JSON.stringify(value)} is taken`, () => {
      expect(codec.decodeResult(method, value)).toMatchObject({ kind: "ok" });
      expect(codec.decodeResult(method, value)).toHaveProperty("value.value", expected);
    });
  }

  test("of lists name what was wrong in them, each item by its name or place", () => {
    const tools = [null, { name: 1 }, { ...tool, title: null }, tool];
    expect(codec.decodeResult("tools/list", { tools })).toHaveProperty("value.corrections", [
      { item: "item 1", reason: "left out: it is null, expected an object" },
      { item: "item 2", reason: expect.stringContaining('left out: its "name" is 1, expected') },
      { item: "a", reason: 'left out "title", which is null' },
    ]);
    expect(codec.decodeResult("tools/list", { tools: [tool] }))
      .not.toHaveProperty("value.corrections");
  });

  const refused: [string, unknown][] = [
    ["ping", null],
    ["ping", []],
    ["ping", "ok"],
    ["tools/list", { tools: "none" }],
    ["tools/list", { tools: { a: tool } }],
    ["tools/call", { content: "text" }],
    ["tools/call", {}],
    ["tools/call", { _meta: { a: 1 } }],
    ["tools/call", { toolResult: null, structuredContent: null }],
    ["resources/read", {}],
    ["resources/read", { contents: { uri: "a://b" } }],
    ["prompts/get", {}],
    ["completion/complete", { completion: {} }],
  ];
  for (const [method, value] of refused) {
    test(`${method} ${JSON.stringify(value)} is refused`, () => {
      expect(codec.decodeResult(method, value)).toMatchObject({
        kind: "invalid",
        message: expect.stringContaining(method),
      });
    });
  }
});

describe("notices", () => {
  test("progress comes with its token lifted out, 0 too", () => {
    const params = { progressToken: 0, progress: 1, total: 2 };
    expect(codec.decodeNotice("notifications/progress", params)).toEqual({
      kind: "ok",
      value: {
        notice: {
          kind: "notice",
          method: "notifications/progress",
          params: { progress: 1, total: 2 },
        },
        request: 0,
      },
    });
  });

  test("others come as they are", () => {
    const params = { level: "info", data: { a: 1 }, _meta: { v: 1 } };
    expect(codec.decodeNotice("notifications/message", params)).toEqual({
      kind: "ok",
      value: { notice: { kind: "notice", method: "notifications/message", params } },
    });
  });

  test("what is malformed differs from what is unknown", () => {
    expect(codec.decodeNotice("notifications/progress", { progress: 1 }).kind).toBe("invalid");
    expect(codec.decodeNotice("notifications/message", { level: "loud" }).kind).toBe("invalid");
    expect(codec.decodeNotice("notifications/resources/updated", {}).kind).toBe("invalid");
    expect(codec.decodeNotice("notifications/tasks/status", {}).kind).toBe("invalid");
    expect(codec.decodeNotice("notifications/tasks", {}).kind).toBe("unknown");
    expect(codec.decodeNotice("constructor", {}).kind).toBe("unknown");
  });
});

describe("questions", () => {
  test("lose what belongs to the hop and keep the rest", () => {
    const params = { messages: [], task: {}, _meta: { progressToken: 1, v: 1 } };
    expect(codec.decodeAsk("sampling/createMessage", params)).toEqual({
      kind: "ok",
      value: { method: "sampling/createMessage", params: { messages: [], _meta: { v: 1 } } },
    });
  });

  test("only sampling, elicitation and roots are questions to the client", () => {
    expect(codec.decodeAsk("roots/list", {}).kind).toBe("ok");
    expect(codec.decodeAsk("elicitation/create", { message: "m" }).kind).toBe("ok");
    for (const method of ["ping", "tasks/get", "tools/call", "__proto__"]) {
      expect(codec.decodeAsk(method, {})).toEqual({ kind: "unknown" });
    }
  });

  test("malformed ones are refused", () => {
    expect(codec.decodeAsk("sampling/createMessage", {}).kind).toBe("invalid");
    expect(codec.decodeAsk("elicitation/create", { message: "m", requestedSchema: "any" }).kind)
      .toBe("invalid");
  });

  test("answers and refusals become replies", () => {
    const value = { roots: [], resultType: "complete" };
    expect(codec.encodeAnswer({ kind: "answer", value })).toEqual({
      result: { roots: [] },
    });
    const refusal = { kind: "refusal", code: -1, message: "the person said no" } as const;
    expect(codec.encodeAnswer(refusal)).toEqual({
      error: { code: -1, message: "the person said no" },
    });
    expect(codec.encodeAnswer({ ...refusal, data: 0 })).toEqual({
      error: { code: -1, message: "the person said no", data: 0 },
    });
  });
});

describe("the handshake", () => {
  test("offers the latest revision of its era", () => {
    expect(initializeParams({ roots: {} }, { name: "g", version: "1" })).toEqual({
      protocolVersion: "2025-11-25",
      capabilities: { roots: {} },
      clientInfo: { name: "g", version: "1" },
    });
  });

  const answer = { capabilities: { tools: {} }, serverInfo: { name: "s" }, instructions: "i" };

  test("takes every revision of its era", () => {
    for (const revision of revisions) {
      expect(decodeInitialize({ ...answer, protocolVersion: revision })).toEqual({
        kind: "ok",
        value: { revision, description: answer } as never,
      });
    }
  });

  test("accepts an answer without identity and instructions", () => {
    const sparse = {
      protocolVersion: "2024-11-05",
      capabilities: {},
      serverInfo: 1,
      instructions: 1,
    };
    expect(decodeInitialize(sparse)).toEqual({
      kind: "ok",
      value: { revision: "2024-11-05", description: { capabilities: {} } },
    });
  });

  test("refuses other revisions and says which it is", () => {
    expect(decodeInitialize({ ...answer, protocolVersion: "2026-07-28" })).toMatchObject({
      kind: "invalid",
      message: expect.stringContaining('"2026-07-28"'),
    });
  });

  test("refuses what is no initialize result", () => {
    const wrong = { protocolVersion: "2025-11-25", capabilities: "all" };
    for (const value of [null, [], {}, { capabilities: {} }, wrong]) {
      expect(decodeInitialize(value).kind).toBe("invalid");
    }
  });

  test("an upstream gets the capabilities that can be relayed", () => {
    const relayed = {
      roots: { listChanged: true },
      sampling: { tools: {} },
      elicitation: {},
      experimental: { x: {} },
    };
    expect(relayableCapabilities({ ...relayed, tasks: {}, other: {} })).toEqual(relayed);
    expect(relayableCapabilities({ roots: true, sampling: null })).toEqual({});
    expect(relayableCapabilities({})).toEqual({});
  });
});
