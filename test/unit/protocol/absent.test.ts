/**
 * A value written as `null`, or as `[]` for an object (PHP), counts as absent, or as empty where a
 * value is required: every optional member of every message, in both directions and eras, checked
 * with the official SDK. User data stays unchanged.
 */
import { describe, expect, test } from "bun:test";
import * as sdk from "@modelcontextprotocol/sdk/types.js";
import type { Answer, JsonObject } from "../../../src/model.ts";
import type { ClientFacingCodec, UpstreamFacingCodec } from "../../../src/protocol/codec.ts";
import { decodeInitialize } from "../../../src/protocol/legacy/initialize_params.ts";
import { latestRevision } from "../../../src/protocol/legacy/revisions.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { correctSchemas } from "../../../src/protocol/tool_schemas.ts";
import { decodeFilter } from "../../../src/protocol/modern/listen_filter.ts";
import { decodeRequest } from "../../../src/protocol/modern/modern_request.ts";
import { decodeDiscover } from "../../../src/protocol/modern/upstream_facing.ts";
import { client, legacy, modern } from "../../support/codecs.ts";

const { client: legacyClientCodec, upstream: legacyUpstreamCodec } = legacy;
const { client: modernClientCodec, upstream: modernUpstreamCodec } = modern;
const everything: JsonObject = {
  roots: {},
  sampling: { tools: {}, context: {} },
  elicitation: { form: {}, url: {} },
};

/** A message in which nothing is absent, and who reads it behind the gateway. */
interface Case {
  readonly name: string;
  readonly whole: JsonObject;
  /** Members that must be there and have no plainest value. */
  readonly due?: readonly string[];
  /** Members that are data: whatever is in them stays. */
  readonly data?: readonly string[];
  /** Members that may be lists as well. */
  readonly lists?: readonly string[];
  /** What all of its receivers get; throws what refuses it. */
  readonly pass: (given: JsonObject) => readonly unknown[];
  readonly reader: { safeParse(value: unknown): { error?: { issues: unknown } | undefined } };
}

/** The value of a decoded message. */
function valueOf<T>(decoded: { kind: string; value?: T; message?: string }): T {
  if (decoded.value === undefined) throw new Error(decoded.message ?? decoded.kind);
  return decoded.value;
}

/** A result of a server of either era, as clients of both get it. */
function asResult(method: string): Case["pass"] {
  // A task is another object in each era (task_messages.test.ts has the newer one's).
  const isOfHandshake = method === "tasks/get";
  const codecs: UpstreamFacingCodec[] = isOfHandshake
    ? [legacyUpstreamCodec]
    : [legacyUpstreamCodec, modernUpstreamCodec];
  return (given) =>
    codecs.flatMap((codec) => {
      const result = valueOf(codec.decodeResult(method, given));
      if (result.kind !== "result") throw new Error("It is no result");
      const value = method === "tools/list" ? withSoundTools(result.value) : result.value;
      const older = legacyClientCodec.encodeResult(
        method,
        { ...result, value },
        client(latestRevision),
      );
      const newer = () =>
        modernClientCodec.encodeResult(method, { ...result, value }, client("2026-07-28"));
      return isOfHandshake ? [older] : [older, newer()];
    });
}

/** A list whose tools' schemas are checked, as each list of a server is. */
function withSoundTools(list: JsonObject): JsonObject {
  const tools = list["tools"] as readonly JsonObject[];
  return { ...list, tools: tools.map((tool) => correctSchemas(tool, defaultLimits).tool) };
}

/** A notification of a server of either era, as clients of both get it. */
function asNotice(method: string): Case["pass"] {
  const codecs: UpstreamFacingCodec[] = [legacyUpstreamCodec, modernUpstreamCodec];
  return (given) =>
    codecs.flatMap((codec) => {
      const { notice } = valueOf(codec.decodeNotice(method, given));
      return [
        legacyClientCodec.encodeNotice(notice, client(latestRevision), 1),
        modernClientCodec.encodeNotice(notice, client("2026-07-28", {}, "debug"), 1),
      ];
    });
}

/** A question of a server, as a client gets it. */
function asQuestion(method: string): Case["pass"] {
  return (given) => {
    const question = valueOf(legacyUpstreamCodec.decodeAsk(method, given));
    const paused = valueOf(modernUpstreamCodec.decodeResult("tools/call", {
      resultType: "input_required",
      inputRequests: { k: { method, params: given } },
    }));
    expect(paused).toEqual({ kind: "inputRequired", questions: [{ key: "k", ...question }] });
    const ask = { kind: "ask", id: "1", ...question } as const;
    const wire = legacyClientCodec.encodeAsk(ask, client(latestRevision, everything));
    if (wire instanceof Error) throw wire;
    return [wire];
  };
}

/** A client's answer, as a server of either era gets it. */
function asAnswer(given: JsonObject): readonly unknown[] {
  const answer: Answer = { kind: "answer", value: given };
  const encoded = legacyUpstreamCodec.encodeAnswer(answer);
  if ("error" in encoded) throw new Error("It is an error");
  const { params } = modernUpstreamCodec.encodeCall({
    method: "tools/call",
    params: {},
    clientContext: { capabilities: {} },
    resume: { answers: { k: given } },
  });
  return [encoded.result, (params.inputResponses as JsonObject).k];
}

/** A client's request in either era, as a server gets it. */
function asRequest(method: string): Case["pass"] {
  return (given) => {
    const { _meta, ...rest } = given;
    const decoded = legacyClientCodec.decodeRequest(method, given, latestRevision);
    if (decoded.kind !== "ok") throw new Error(JSON.stringify(decoded));
    const prefix = "io.modelcontextprotocol/";
    const envelope = {
      [`${prefix}protocolVersion`]: "2026-07-28",
      [`${prefix}clientCapabilities`]: null,
      [`${prefix}clientInfo`]: null,
      [`${prefix}logLevel`]: null,
    };
    const params = { ...rest, inputResponses: null, requestState: null, _meta: envelope };
    const headers = new Headers({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      "mcp-name": String(given.name ?? given.uri),
    });
    const { task: _, ...plain } = decoded.params;
    const modern = decodeRequest({ id: 1, method, params }, headers);
    expect([modern.params, modern.resume]).toEqual([without(plain, ["_meta"]), undefined]);
    const { progressToken } = decoded;
    const call = {
      method,
      params: decoded.params,
      progressToken,
      clientContext: { capabilities: {} },
    };
    return [legacyUpstreamCodec.encodeCall(call)];
  };
}

type Path = readonly (string | number)[];

function without(given: JsonObject, [first = "", ...rest]: Path): JsonObject {
  const copy = structuredClone(given);
  const holder = rest.length === 0 ? copy : at(copy, [first, ...rest].slice(0, -1)) as JsonObject;
  delete holder[String([first, ...rest].at(-1))];
  return copy;
}

function at(given: unknown, path: Path): unknown {
  return path.reduce((place, key) => (place as JsonObject | undefined)?.[String(key)], given);
}

function put(given: JsonObject, path: Path, value: unknown): JsonObject {
  const copy = structuredClone(given);
  (at(copy, path.slice(0, -1)) as JsonObject)[String(path.at(-1))] = value;
  return copy;
}

/** The places of every member and item, however deep. */
function* places(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) {
    const place = [...path, key];
    yield place;
    yield* places(member, place);
  }
}

const meta = { "example.com/a": 1 };
const annotations = { audience: ["user"], priority: 0.5, lastModified: "2025-01-12T15:00:58Z" };
const icons = [{
  src: "https://a.example/i",
  mimeType: "image/png",
  sizes: ["1x1"],
  theme: "dark",
}];
const shown = { title: "T", description: "d", icons };
const text = { type: "text", text: "t", annotations, _meta: meta };
const blocks = [
  text,
  { type: "image", data: "", mimeType: "image/png", annotations, _meta: meta },
  { type: "audio", data: "", mimeType: "audio/wav", annotations, _meta: meta },
  {
    type: "resource",
    resource: { uri: "a://b", mimeType: "text/plain", text: "t", _meta: meta },
    annotations,
    _meta: meta,
  },
  {
    type: "resource",
    resource: { uri: "a://b", mimeType: "image/png", blob: "", _meta: meta },
    annotations,
    _meta: meta,
  },
  {
    type: "resource_link",
    uri: "a://b",
    name: "b",
    ...shown,
    mimeType: "text/plain",
    size: 1,
    annotations,
    _meta: meta,
  },
];
const dueOfBlocks = [
  "type",
  ...["0.type", "1.type", "2.type", "3.type", "4.type", "5.type"],
  ...["3.resource", "4.resource", "3.resource.uri", "4.resource.uri", "5.uri", "5.name"],
  ...["3.annotations.audience.0", "5.icons.0.src", "5.icons.0.sizes.0"],
];
const tool = {
  name: "a",
  ...shown,
  inputSchema: {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    properties: {
      b: { type: "object", description: "d", properties: { c: { type: "string", enum: ["x"] } } },
    },
    required: ["b"],
    $defs: { d: { anyOf: [{ type: "string" }], items: { type: "string" } } },
    additionalProperties: false,
  },
  outputSchema: { type: "object", properties: { a: { type: "string" } }, required: ["a"] },
  annotations: { title: "T", readOnlyHint: true },
  execution: { taskSupport: "optional" },
  _meta: meta,
};
const task = {
  taskId: "1",
  status: "working",
  createdAt: "2025-01-12T15:00:58Z",
  lastUpdatedAt: "2025-01-12T15:00:58Z",
  ttl: 5,
  pollInterval: 5,
  statusMessage: "m",
};
const dueOfTask = ["taskId", "status", "createdAt", "lastUpdatedAt"];
const under = (path: string, names: readonly string[]) => names.map((name) => `${path}.${name}`);

const results: Omit<Case, "pass">[] = [
  {
    name: "tools/list",
    whole: { tools: [tool], nextCursor: "x", _meta: meta },
    // Without its type it is one that clients of the newer era alone can read.
    due: ["tools.0.name", "tools.0.outputSchema.type"],
    reader: sdk.ListToolsResultSchema,
  },
  {
    name: "prompts/list",
    whole: {
      prompts: [{
        name: "a",
        ...shown,
        arguments: [{ name: "b", description: "d", required: true }],
        _meta: meta,
      }],
      nextCursor: "x",
      _meta: meta,
    },
    due: ["prompts.0.name"],
    reader: sdk.ListPromptsResultSchema,
  },
  {
    name: "resources/list",
    whole: {
      resources: [{ uri: "a://b", name: "b", ...shown, size: 1, annotations, _meta: meta }],
      nextCursor: "x",
      _meta: meta,
    },
    due: ["resources.0.uri"],
    reader: sdk.ListResourcesResultSchema,
  },
  {
    name: "resources/templates/list",
    whole: {
      resourceTemplates: [{ uriTemplate: "a://{b}", name: "b", ...shown, annotations }],
      nextCursor: "x",
      _meta: meta,
    },
    due: ["resourceTemplates.0.uriTemplate"],
    reader: sdk.ListResourceTemplatesResultSchema,
  },
  {
    name: "tools/call",
    whole: {
      content: blocks,
      structuredContent: { a: 1, b: { c: [1] } },
      isError: true,
      _meta: meta,
      resultType: "complete",
    },
    due: under("content", dueOfBlocks),
    data: ["structuredContent"],
    lists: ["structuredContent"],
    reader: sdk.CallToolResultSchema,
  },
  {
    name: "prompts/get",
    whole: {
      description: "d",
      messages: blocks.map((content) => ({ role: "user", content })),
      _meta: meta,
      resultType: "complete",
    },
    due: [
      ...blocks.map((_, index) => `messages.${index}.role`),
      ...dueOfBlocks.map((path) => `messages.${path.replace(/^(\d+)\./, "$1.content.")}`),
    ],
    reader: sdk.GetPromptResultSchema,
  },
  {
    name: "resources/read",
    whole: {
      contents: [
        { uri: "a://b", mimeType: "text/plain", text: "t", _meta: meta },
        { uri: "a://b", mimeType: "image/png", blob: "", _meta: meta },
      ],
      _meta: meta,
      resultType: "complete",
    },
    due: ["contents.0.uri", "contents.1.uri"],
    reader: sdk.ReadResourceResultSchema,
  },
  {
    name: "completion/complete",
    whole: { completion: { values: ["a"], total: 1, hasMore: false }, _meta: meta },
    reader: sdk.CompleteResultSchema,
  },
  {
    name: "tasks/list",
    whole: { tasks: [task], nextCursor: "x", _meta: meta },
    due: [...under("tasks.0", dueOfTask), "tasks.0"],
    data: ["tasks.0.ttl"],
    reader: sdk.ListTasksResultSchema,
  },
  {
    name: "tasks/get",
    whole: { ...task, _meta: meta },
    due: dueOfTask,
    data: ["ttl"],
    reader: sdk.GetTaskResultSchema,
  },
  {
    name: "tasks/result",
    whole: { content: [text], structuredContent: { a: 1 }, isError: false, _meta: meta },
    due: ["content.0.type", "content.0.annotations.audience.0"],
    data: ["structuredContent"],
    lists: ["structuredContent"],
    reader: sdk.CallToolResultSchema,
  },
];

const notices: Omit<Case, "pass">[] = [
  {
    name: "notifications/progress",
    whole: { progressToken: 1, progress: 1, total: 2, message: "m", _meta: meta },
    due: ["progressToken", "progress"],
    reader: sdk.ProgressNotificationSchema,
  },
  {
    name: "notifications/message",
    whole: { level: "info", logger: "l", data: { a: 1 }, _meta: meta },
    due: ["level"],
    data: ["data"],
    lists: ["data"],
    reader: sdk.LoggingMessageNotificationSchema,
  },
  {
    name: "notifications/resources/updated",
    whole: { uri: "a://b", _meta: meta },
    due: ["uri"],
    reader: sdk.ResourceUpdatedNotificationSchema,
  },
  {
    name: "notifications/tools/list_changed",
    whole: { _meta: meta },
    reader: sdk.ToolListChangedNotificationSchema,
  },
];

const field = { type: "string", title: "T", description: "d", minLength: 1, default: "x" };
const questions: Omit<Case, "pass">[] = [
  {
    name: "sampling/createMessage",
    whole: {
      messages: [
        { role: "user", content: text, _meta: meta },
        {
          role: "assistant",
          content: [{ type: "tool_use", name: "n", id: "i", input: { a: 1 }, _meta: meta }],
          _meta: meta,
        },
        {
          role: "user",
          content: [{
            type: "tool_result",
            toolUseId: "i",
            content: [text],
            structuredContent: { a: 1 },
            isError: false,
            _meta: meta,
          }],
        },
      ],
      modelPreferences: { hints: [{ name: "n" }], costPriority: 0, speedPriority: 1 },
      systemPrompt: "s",
      includeContext: "none",
      temperature: 1,
      maxTokens: 5,
      stopSequences: ["x"],
      metadata: { a: 1 },
      tools: [tool],
      toolChoice: { mode: "auto" },
      _meta: meta,
    },
    due: [
      "maxTokens",
      "stopSequences.0",
      "tools.0.name",
      ...["0.role", "0.content.type", "0.content.annotations.audience.0", "1.role", "2.role"]
        .map((path) => `messages.${path}`),
      ...["type", "name", "id"].map((name) => `messages.1.content.0.${name}`),
      ...["type", "toolUseId", "content.0.type", "content.0.annotations.audience.0"]
        .map((name) => `messages.2.content.0.${name}`),
      ...["icons.0.src", "icons.0.sizes.0", "inputSchema.type", "outputSchema.type"]
        .map((name) => `tools.0.${name}`),
      ...["inputSchema", "outputSchema"].map((name) => `tools.0.${name}.required.0`),
    ],
    data: [
      "metadata",
      "messages.1.content.0.input",
      "messages.2.content.0.structuredContent",
      "tools.0.inputSchema.properties.b.properties.c.enum",
    ],
    lists: ["messages.0.content", "messages.1.content", "messages.2.content"],
    reader: sdk.CreateMessageRequestSchema,
  },
  {
    name: "elicitation/create",
    whole: {
      message: "m",
      mode: "form",
      requestedSchema: { type: "object", properties: { a: field }, required: ["a"] },
      _meta: meta,
    },
    due: ["message", "requestedSchema.type", "requestedSchema.properties.a.type"],
    lists: ["requestedSchema.properties.a"],
    reader: sdk.ElicitRequestSchema,
  },
  {
    name: "elicitation/create",
    whole: {
      message: "m",
      mode: "url",
      url: "https://a.example/",
      elicitationId: "1",
      _meta: meta,
    },
    due: ["message", "mode", "url"],
    reader: sdk.ElicitRequestSchema,
  },
  { name: "roots/list", whole: { _meta: meta }, reader: sdk.ListRootsRequestSchema },
];

const answers: Case[] = [
  {
    name: "a model's",
    whole: { role: "assistant", content: text, model: "m", stopReason: "endTurn", _meta: meta },
    due: ["role", "content", "content.type", "content.annotations.audience.0"],
    pass: asAnswer,
    reader: sdk.CreateMessageResultSchema,
  },
  {
    name: "a form's",
    whole: { action: "accept", content: { a: "x", b: 1 }, _meta: meta },
    due: ["action"],
    pass: asAnswer,
    reader: sdk.ElicitResultSchema,
  },
  {
    name: "the directories",
    whole: { roots: [{ uri: "file:///a", name: "a", _meta: meta }], _meta: meta },
    due: ["roots.0.uri"],
    pass: asAnswer,
    reader: sdk.ListRootsResultSchema,
  },
];

const requests: Omit<Case, "pass">[] = [
  {
    name: "tools/call",
    whole: {
      name: "a",
      arguments: { b: 1, c: { d: [1] } },
      task: { ttl: 5 },
      _meta: { ...meta, progressToken: 1 },
    },
    due: ["name"],
    data: ["arguments"],
    reader: sdk.CallToolRequestSchema,
  },
  {
    name: "prompts/get",
    whole: { name: "a", arguments: { b: "x" }, _meta: { ...meta, progressToken: 1 } },
    due: ["name"],
    reader: sdk.GetPromptRequestSchema,
  },
  {
    name: "resources/read",
    whole: { uri: "a://b", _meta: { progressToken: 1 } },
    due: ["uri"],
    reader: sdk.ReadResourceRequestSchema,
  },
  {
    name: "completion/complete",
    whole: {
      ref: { type: "ref/prompt", name: "a", title: "T" },
      argument: { name: "b", value: "x" },
      context: { arguments: { c: "y" } },
      _meta: { progressToken: 1 },
    },
    due: ["ref", "ref.type", "ref.name", "argument", "argument.name"],
    reader: sdk.CompleteRequestSchema,
  },
  {
    name: "tools/list",
    whole: { cursor: "x", _meta: { progressToken: 1 } },
    reader: sdk.ListToolsRequestSchema,
  },
];

function expectAbsent({ whole, due = [], data = [], lists = [], pass, reader }: Case): void {
  const begins = (place: string, paths: readonly string[]) =>
    paths.some((path) => place === path || place.startsWith(`${path}.`));
  const issuesOf = (got: unknown) => reader.safeParse(got).error?.issues ?? [];
  for (const got of pass(whole)) expect(issuesOf(got)).toEqual([]);
  let cases = 0;
  for (const path of places(whole)) {
    const place = path.join(".");
    if (due.includes(place)) continue;
    const isData = begins(place, data) && !data.includes(place);
    const isVendors = place.includes("_meta.") && !place.includes("progressToken");
    const isItem = /^\d+$/.test(String(path.at(-1)));
    const wrongs =
      lists.includes(place) || isData || isVendors || isItem || typeof at(whole, path) !== "object"
        ? [null]
        : Array.isArray(at(whole, path))
        ? [null, {}]
        : [null, []];
    for (const wrong of wrongs) {
      for (const got of pass(put(whole, path, wrong))) {
        const seen = JSON.stringify([place, wrong]);
        expect([seen, issuesOf(got)]).toEqual([seen, []]);
        const kept = at((got as JsonObject).params ?? got, path);
        if (isData || isVendors) expect([seen, kept]).toEqual([seen, null]);
        else if (Array.isArray(wrong)) expect([seen, Array.isArray(kept)]).toEqual([seen, false]);
        cases += 1;
      }
    }
  }
  expect(cases).toBeGreaterThan(0);
}

describe("null and [] are absent", () => {
  const all: [string, readonly Omit<Case, "pass">[], (method: string) => Case["pass"]][] = [
    ["a server's result of", results, asResult],
    ["a server's", notices, asNotice],
    ["a server's question", questions, asQuestion],
    ["a client's request", requests, asRequest],
  ];
  for (const [what, cases, passOf] of all) {
    for (const one of cases) {
      test(`in ${what} ${one.name}`, () => expectAbsent({ ...one, pass: passOf(one.name) }));
    }
  }
  for (const one of answers) {
    test(`in a client's answer: ${one.name}`, () => expectAbsent(one));
  }
});

describe("whole lists that are absent are empty", () => {
  const lists: [string, string][] = [
    ["tools/list", "tools"],
    ["prompts/list", "prompts"],
    ["resources/list", "resources"],
    ["resources/templates/list", "resourceTemplates"],
    ["resources/read", "contents"],
    ["prompts/get", "messages"],
    ["tools/call", "content"],
    ["tasks/list", "tasks"],
  ];
  for (const [method, key] of lists) {
    test(method, () => {
      for (const empty of [null, [], {}]) {
        for (const codec of [legacyUpstreamCodec, modernUpstreamCodec]) {
          expect(codec.decodeResult(method, { [key]: empty })).toMatchObject({
            kind: "ok",
            value: { kind: "result", value: { [key]: [] } },
          });
        }
      }
    });
  }

  test("and so are proposals", () => {
    for (const completion of [null, [], { values: null, total: null }]) {
      expect(legacyUpstreamCodec.decodeResult("completion/complete", { completion })).toEqual({
        kind: "ok",
        value: { kind: "result", value: { completion: { values: [] } } },
      });
    }
  });
});

describe("structured content that is an empty list", () => {
  const result = { content: [], structuredContent: [] };
  const seen = (codec: UpstreamFacingCodec) => {
    const { kind, ...rest } = valueOf(codec.decodeResult("tools/call", result));
    return kind === "result" && (rest as { value: JsonObject }).value.structuredContent;
  };

  test("is an object where it must be one", () => expect(seen(legacyUpstreamCodec)).toEqual({}));
  test("is a list where it may be one", () => expect(seen(modernUpstreamCodec)).toEqual([]));
});

describe("what is declared", () => {
  const written: JsonObject = {
    tools: [{ name: "find" }],
    prompts: [],
    resources: { subscribe: null, listChanged: true },
    logging: true,
    completions: null,
    tasks: { list: [], cancel: null, requests: { tools: { call: [] } } },
    experimental: { a: null, b: [], c: true, d: { limit: null } },
    extensions: [],
    other: false,
  };
  const meant: JsonObject = {
    tools: {},
    prompts: {},
    resources: { listChanged: true },
    logging: {},
    tasks: { list: {}, requests: { tools: { call: {} } } },
    experimental: { b: {}, c: {}, d: { limit: null } },
    extensions: {},
  };

  test("by a server is an object for each capability that it has, however it is written", () => {
    const greeting = { protocolVersion: latestRevision, capabilities: written, serverInfo: [] };
    const supportedVersions = ["2026-07-28"];
    expect(valueOf(decodeInitialize(greeting)).description.capabilities).toEqual(meant);
    const discovered = decodeDiscover({ supportedVersions, capabilities: written });
    expect(valueOf(discovered).description.capabilities).toEqual(meant);
    expect(sdk.ServerCapabilitiesSchema.safeParse(meant).error).toBe(undefined);
  });

  test("by a server is nothing where it is null or not there", () => {
    for (const capabilities of [null, [], {}, undefined]) {
      const greeting = { protocolVersion: latestRevision, capabilities };
      expect(valueOf(decodeInitialize(greeting)).description.capabilities).toEqual({});
      const discovered = decodeDiscover({ supportedVersions: ["2026-07-28"], capabilities });
      expect(valueOf(discovered).description.capabilities).toEqual({});
    }
  });

  test("by a server of itself has no members that are null", () => {
    const serverInfo = {
      name: "s",
      title: null,
      version: null,
      icons: [null, { src: "https://a.example/i", mimeType: null }],
      own: null,
    };
    const greeting = { protocolVersion: latestRevision, capabilities: {}, serverInfo };
    expect(valueOf(decodeInitialize(greeting)).description.serverInfo).toEqual({
      name: "s",
      icons: [{ src: "https://a.example/i" }],
      own: null,
    });
  });

  const client = {
    sampling: [],
    elicitation: { form: [], url: null },
    roots: { listChanged: null },
  };
  const meantByClient = { sampling: {}, elicitation: { form: {} }, roots: {} };

  test("by a client is the same, and its name may be absent", () => {
    const decode: ClientFacingCodec["decodeRequest"] = legacyClientCodec.decodeRequest;
    for (const [capabilities, expected] of [[client, meantByClient], [null, {}], [[], {}]]) {
      for (const clientInfo of [null, [], {}]) {
        const params = { protocolVersion: "2025-11-25", capabilities, clientInfo };
        expect(decode("initialize", params, latestRevision)).toMatchObject({
          kind: "ok",
          params: { capabilities: expected, clientInfo: {} },
        });
      }
    }
  });

  test("by a stateless client is the same", () => {
    const key = "io.modelcontextprotocol/clientCapabilities";
    const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", [key]: client };
    const headers = new Headers({
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/list",
    });
    const request = decodeRequest({ id: 1, method: "tools/list", params: { _meta } }, headers);
    expect(request.envelope.capabilities).toEqual(meantByClient);
  });

  test("null flags of a listen request are absent", () => {
    const wanted = {
      toolsListChanged: true,
      promptsListChanged: null,
      resourceSubscriptions: null,
    };
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const method = "subscriptions/listen";
    const headers = new Headers({ "mcp-protocol-version": "2026-07-28", "mcp-method": method });
    const params = { notifications: wanted, _meta };
    expect(decodeFilter(decodeRequest({ id: 1, method, params }, headers).params)).toEqual({
      toolsListChanged: true,
      promptsListChanged: false,
      resourcesListChanged: false,
      resourceSubscriptions: [],
    });
  });
});

test("answers that a stateless client has not given are absent", () => {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const headers = new Headers({
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "a",
  });
  const resume = (inputResponses: unknown, requestState: unknown) =>
    decodeRequest({
      id: 1,
      method: "tools/call",
      params: { name: "a", inputResponses, requestState, _meta },
    }, headers).resume;
  expect(resume(null, null)).toBe(undefined);
  expect(resume([], "s")).toEqual({ answers: {}, state: "s" });
  expect(resume({ k: null, l: { action: "decline" } }, null))
    .toEqual({ answers: { l: { action: "decline" } }, state: undefined });
});
