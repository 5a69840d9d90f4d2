/** What clients of each revision get, and what of their requests reaches the model. */
import { describe, expect, test } from "bun:test";
import degradations from "../../corpus/legacy/degradations.json" with { type: "json" };
import { GatewayError } from "../../../src/errors.ts";
import { type JsonObject, type LogLevel, logLevels } from "../../../src/model.ts";
import { latestRevision, revisions } from "../../../src/protocol/legacy/revisions.ts";
import { client, identity, legacy, resultOf } from "../../support/codecs.ts";

const codec = legacy.client;

describe("results", () => {
  for (const { name, method, value, seen } of degradations) {
    test(name, () => {
      for (const revision of revisions) {
        const expected = seen.filter(({ since }) => since <= revision).at(-1)?.value;
        // Some texts name the revision they are for.
        const text = JSON.stringify(expected).replace(
          "revision 2024-11-05",
          `revision ${revision}`,
        );
        const before = JSON.stringify(value);
        expect(codec.encodeResult(method, resultOf(value as JsonObject), client(revision))).toEqual(
          JSON.parse(text),
        );
        expect(JSON.stringify(value)).toBe(before);
      }
    });
  }

  test("a large number in structured content keeps its digits", () => {
    const digits = JSON.rawJSON("12345678901234567890");
    const value = codec.encodeResult(
      "tools/call",
      resultOf({ structuredContent: digits }),
      client(latestRevision),
    );
    expect(value).toEqual({ content: [{ type: "text", text: "12345678901234567890" }] });
  });
});

describe("requests", () => {
  const decode = (params: JsonObject) =>
    codec.decodeRequest("tools/call", { name: "a", ...params }, latestRevision);

  test("a progress token is lifted out, 0 and the empty string too", () => {
    for (const token of [0, "", 7, "7"]) {
      expect(decode({ _meta: { progressToken: token, "example.com/a": 1 } })).toEqual({
        kind: "ok",
        method: "tools/call",
        params: { name: "a", _meta: { "example.com/a": 1 } },
        progressToken: token,
      });
    }
  });

  test("without vendor keys there is no _meta", () => {
    expect(decode({ _meta: { progressToken: 1 } })).toMatchObject({ params: { name: "a" } });
    const decoded = decode({ _meta: {} }) as { params: JsonObject; progressToken: unknown };
    expect("_meta" in decoded.params).toBe(false);
    expect(decoded.progressToken).toBe(undefined);
  });

  test("answers and states of the stateless era are dropped", () => {
    const resume = { inputResponses: { k: {} }, requestState: "forged" };
    const decoded = decode({ arguments: resume, ...resume });
    // A tool's own arguments may be called so.
    expect((decoded as { params: JsonObject }).params).toEqual({ name: "a", arguments: resume });
  });

  test("a request for a task is relayed in revisions that have tasks, and ignored in others", () => {
    expect(decode({ task: { ttl: 1 } })).toMatchObject({
      kind: "ok",
      params: { task: { ttl: 1 } },
    });
    const older = codec.decodeRequest("tools/call", { name: "a", task: {} }, "2025-06-18");
    expect("task" in (older as { params: JsonObject }).params).toBe(false);
  });

  test("A11 __proto__ in params and _meta stays data", () => {
    const params = JSON.parse(
      '{"__proto__":{"a":1},"_meta":{"__proto__":{"b":1},"progressToken":1}}',
    );
    const decoded = codec.decodeRequest("ping", params, latestRevision) as { params: JsonObject };
    expect(JSON.stringify(decoded.params)).toBe(
      '{"__proto__":{"a":1},"_meta":{"__proto__":{"b":1}}}',
    );
    expect(Object.getPrototypeOf(decoded.params)).toBe(Object.prototype);
  });
});

describe("notices", () => {
  const notice = (method: string, params: JsonObject = {}) =>
    ({ kind: "notice", method, params }) as const;
  const progress = notice("notifications/progress", { progress: 1, message: "m" });

  test("progress carries the token of its request, 0 too", () => {
    for (const token of [0, "", "t"]) {
      expect(codec.encodeNotice(progress, client("2024-11-05"), token)).toEqual({
        method: "notifications/progress",
        params: { progress: 1, message: "m", progressToken: token },
      });
    }
  });

  test("progress that was not asked for is not sent", () => {
    expect(codec.encodeNotice(progress, client(latestRevision))).toBe(undefined);
  });

  test("the end of an elicitation by URL is reported from 2025-11-25 on", () => {
    const done = notice("notifications/elicitation/complete", { elicitationId: "1" });
    const told = revisions.filter((revision) => codec.encodeNotice(done, client(revision)));
    expect(told).toEqual(["2025-11-25"]);
  });

  test("log lines from the level that was set, and all while none was", () => {
    const levelsFor = (wanted: LogLevel | undefined) =>
      logLevels.filter((level) =>
        codec.encodeNotice(
          notice("notifications/message", { level, data: "x" }),
          client(latestRevision, {}, wanted),
        ) !== undefined
      );
    expect(levelsFor(undefined)).toEqual([...logLevels]);
    expect(levelsFor("alert")).toEqual(["alert", "emergency"]);
  });

  test("what no revision of this era has is not sent", () => {
    for (
      const method of ["notifications/tasks", "notifications/subscriptions/acknowledged"]
    ) {
      expect(codec.encodeNotice(notice(method), client(latestRevision))).toBe(undefined);
    }
  });

  test("the subscription id of the stateless revision is left out", () => {
    const params = { uri: "a://b", _meta: { "io.modelcontextprotocol/subscriptionId": 1 } };
    expect(
      codec.encodeNotice(
        notice("notifications/resources/updated", params),
        client(latestRevision),
        0,
      ),
    )
      .toEqual({ method: "notifications/resources/updated", params: { uri: "a://b" } });
  });
});

describe("errors", () => {
  const encode = (error: GatewayError) =>
    codec.encodeError(error, { method: "resources/read", params: {} }).error;

  test("a resource that is not there is -32002", () => {
    const error = new GatewayError("resource_not_found", "Cannot find", { data: { uri: "a://b" } });
    expect(encode(error)).toEqual({ code: -32002, message: "Cannot find", data: { uri: "a://b" } });
  });

  test("a server's own error is relayed with its outcome", () => {
    const upstream = { code: -32042, message: "open this", data: { elicitations: [] } };
    expect(encode(new GatewayError("upstream_error", undefined, { upstream }))).toEqual({
      ...upstream,
      data: { elicitations: [], outcome: "refused" },
    });
  });

  test("members of the server's own hop are not relayed", () => {
    for (const code of [-32020, -32021, -32022, -32099]) {
      const upstream = { code, message: "m", data: { supported: [] } };
      expect(encode(new GatewayError("upstream_error", "m", { upstream })))
        .toMatchObject({ code: -32603, message: "m", data: { reason: "upstream_error" } });
    }
  });

  test("a failure of the gateway names its reason", () => {
    expect(encode(new GatewayError("upstream_timeout"))).toMatchObject({
      code: -32603,
      data: { reason: "upstream_timeout" },
    });
  });
});

describe("the initialize result", () => {
  const capabilities = { tools: { listChanged: true }, completions: {}, tasks: {}, "x-own": {} };

  test("has the members of the revision", () => {
    for (const revision of revisions) {
      const kept = { tools: { listChanged: true }, "x-own": {} };
      expect(codec.encodeDescription({ capabilities, instructions: "i" }, client(revision)))
        .toEqual({
          protocolVersion: revision,
          capabilities: revision === "2024-11-05"
            ? kept
            : revision === latestRevision
            ? capabilities
            : { ...kept, completions: {} },
          serverInfo: identity,
          instructions: "i",
        });
    }
  });

  test("has the gateway's identity, and next to it that of a single server behind it", () => {
    const serverInfo = { name: "s", version: "2", title: "S" };
    const result = codec.encodeDescription(
      { capabilities: {}, serverInfo },
      client(latestRevision),
    );
    expect(result).toEqual({
      protocolVersion: latestRevision,
      capabilities: {},
      serverInfo: { ...identity, title: "S" },
      _meta: { "mcp-wrapper/serverInfo": serverInfo },
    });
  });
});
