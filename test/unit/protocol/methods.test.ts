/** The registry of methods against the official SDK's types, and what params are refused. */
import { describe, expect, test } from "bun:test";
import * as skills from "@modelcontextprotocol/client/ext/skills";
import * as sdk from "@modelcontextprotocol/sdk/types.js";
import type { JsonObject } from "../../../src/model.ts";
import {
  clientNotifications,
  clientRequests,
  type MethodTable,
  serverNotifications,
  serverRequests,
} from "../../../src/protocol/legacy/methods.ts";
import { latestRevision, revisions } from "../../../src/protocol/legacy/revisions.ts";
import { legacy } from "../../support/codecs.ts";

const codec = legacy.client;

interface MethodUnion {
  readonly options: readonly { readonly shape: { readonly method: { readonly value: string } } }[];
}

const names = (union: unknown): string[] =>
  (union as MethodUnion).options.map((option) => option.shape.method.value).sort();

/** Clients are asked for no tasks of their own. */
const notServed: Readonly<Record<string, readonly string[]>> = {
  "client notifications": ["notifications/tasks/status"],
  "server requests": ["tasks/get", "tasks/result", "tasks/list", "tasks/cancel"],
};

/** Methods of extensions, which packages of their own know. */
const extensions: Readonly<Record<string, readonly string[]>> = {
  "client requests": [
    skills.RESOURCES_DIRECTORY_READ_METHOD,
    skills.SKILLS_GET_METHOD,
    skills.SKILLS_LIST_METHOD,
  ],
};

describe("the registry has the methods that the SDK knows, but for tasks of clients", () => {
  const pairs: [string, MethodTable, unknown][] = [
    ["client requests", clientRequests, sdk.ClientRequestSchema],
    ["client notifications", clientNotifications, sdk.ClientNotificationSchema],
    ["server requests", serverRequests, sdk.ServerRequestSchema],
    ["server notifications", serverNotifications, sdk.ServerNotificationSchema],
  ];
  for (const [name, table, union] of pairs) {
    test(name, () => {
      expect(names(union).length).toBeGreaterThan(3);
      expect(Object.keys(table).sort()).toEqual(
        [
          ...names(union).filter((method) => !(notServed[name] ?? []).includes(method)),
          ...extensions[name] ?? [],
        ].sort(),
      );
    });
  }
});

describe("what clients may send", () => {
  const file = { uri: "file:///a" };
  const good: [string, JsonObject][] = [
    ["initialize", { protocolVersion: "1", capabilities: {}, clientInfo: { name: "a" } }],
    ["ping", {}],
    ["ping", { _meta: { progressToken: 0, "example.com/a": 1 } }],
    ["tools/list", { cursor: "" }],
    ["tools/call", { name: "", arguments: {} }],
    ["tools/call", { name: "naïve ✓", extra: 1 }],
    ["prompts/list", {}],
    ["prompts/get", { name: "a" }],
    ["resources/list", {}],
    ["resources/templates/list", { cursor: "x" }],
    ["resources/read", file],
    ["resources/subscribe", file],
    ["resources/unsubscribe", file],
    ["completion/complete", {
      ref: { type: "ref/prompt", name: "a" },
      argument: { name: "b", value: "" },
    }],
    ["completion/complete", {
      ref: { type: "ref/resource", uri: "a://{b}" },
      argument: { name: "b", value: "" },
      context: { arguments: {} },
    }],
    ["logging/setLevel", { level: "emergency" }],
  ];
  for (const [method, params] of good) {
    test(`${method} ${JSON.stringify(params)} is taken in every revision`, () => {
      for (const revision of revisions) {
        expect(codec.decodeRequest(method, params, revision).kind).toBe("ok");
      }
    });
  }

  const bad: [string, unknown, string][] = [
    ["initialize", {}, "params.protocolVersion is missing"],
    ["initialize", { protocolVersion: 1 }, "params.protocolVersion must be a string"],
    ["initialize", { protocolVersion: "1", clientInfo: {} }, "params.capabilities is missing"],
    ["initialize", { protocolVersion: "1", capabilities: {} }, "params.clientInfo is missing"],
    ["tools/call", {}, "params.name is missing"],
    ["tools/call", { name: 5 }, "params.name must be a string"],
    ["tools/call", { name: "a", arguments: [1] }, "params.arguments must be an object"],
    ["tools/call", { name: "a", arguments: "x" }, "params.arguments must be an object"],
    ["tools/call", { name: "a", _meta: [1] }, "params._meta must be an object"],
    [
      "tools/call",
      { name: "a", _meta: { progressToken: 1.5 } },
      "params._meta.progressToken must be a string or an integer within 2^53",
    ],
    ["prompts/get", { name: ["a"] }, "params.name must be a string"],
    ["resources/read", {}, "params.uri is missing"],
    ["tools/list", { cursor: 5 }, "params.cursor must be a string"],
    ["logging/setLevel", { level: "loud" }, "params.level must be one of debug, info"],
    ["completion/complete", { ref: { type: "ref/x" } }, 'must be a "ref/prompt" or a "ref/res'],
    ["completion/complete", { ref: { type: "ref/prompt" } }, "params.ref.name is missing"],
  ];
  for (const [method, params, problem] of bad) {
    test(`${method} ${JSON.stringify(params)} is refused: ${problem}`, () => {
      const decoded = codec.decodeRequest(method, params as JsonObject, latestRevision);
      expect(decoded).toMatchObject({ kind: "invalid" });
      const { message } = decoded as { message: string };
      expect(message).toContain(`Cannot take ${method}: `);
      expect(message).toContain(problem);
    });
  }

  for (
    const hostile of ["a\u0000", "a\nb", "\u001b[31m", "a\u007f", "a\u0085", "\ud800", "\udfff a"]
  ) {
    test(`A6 ${JSON.stringify(hostile)} is no name and no URI`, () => {
      const requests: [string, JsonObject][] = [
        ["tools/call", { name: hostile }],
        ["prompts/get", { name: hostile }],
        ["resources/read", { uri: hostile }],
        ["resources/subscribe", { uri: hostile }],
        ["resources/unsubscribe", { uri: hostile }],
        ["completion/complete", {
          ref: { type: "ref/resource", uri: hostile },
          argument: { name: "a", value: "" },
        }],
      ];
      for (const [method, params] of requests) {
        expect(codec.decodeRequest(method, params, latestRevision)).toMatchObject({
          kind: "invalid",
          message: expect.stringContaining("control characters"),
        });
      }
    });
  }

  test("methods that are not served are unknown, and so are names that objects have anyway", () => {
    const unknown = [
      "notifications/tasks/status",
      "server/discover",
      "subscriptions/listen",
      "rpc.discover",
      "",
      "constructor",
      "__proto__",
      "toString",
      "roots/list",
      "notifications/initialized",
    ];
    for (const method of unknown) {
      for (const revision of revisions) {
        expect(codec.decodeRequest(method, {}, revision)).toEqual({ kind: "unknown" });
      }
    }
  });

  test("a malformed cancellation is no mistake to be answered; other notifications are checked", () => {
    const decode = (method: string, params: JsonObject) =>
      codec.decodeNotification(method, params, latestRevision);
    for (
      const params of [{ requestId: 0, reason: "r" }, { requestId: "" }, {}, { requestId: [] }]
    ) {
      expect(decode("notifications/cancelled", params)).toMatchObject({ kind: "ok", params });
    }
    expect(decode("notifications/progress", { progressToken: 0, progress: 1 }).kind).toBe("ok");
    expect(decode("notifications/progress", { progress: 1 }).kind).toBe("invalid");
    expect(decode("notifications/initialized", { _meta: [1] }).kind).toBe("invalid");
    expect(decode("ping", {})).toEqual({ kind: "unknown" });
  });
});
