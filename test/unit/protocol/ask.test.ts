/** Questions of servers to clients with different capabilities, in each revision. */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { JsonObject } from "../../../src/model.ts";
import { latestRevision, revisions } from "../../../src/protocol/legacy/revisions.ts";
import { client, legacy } from "../../support/codecs.ts";

function ask(method: string, params: JsonObject, revision: string, capabilities: JsonObject) {
  return legacy.client.encodeAsk(
    { kind: "ask", id: "1", method, params },
    client(revision, capabilities),
  );
}

/** The params that the client gets, or the capability that was missing. */
function outcome(
  method: string,
  params: JsonObject,
  revision: string,
  capabilities: JsonObject,
): unknown {
  const asked = ask(method, params, revision, capabilities);
  if (!(asked instanceof GatewayError)) return asked.params;
  expect(asked.code).toBe("ask_unanswerable");
  const capability = asked.data?.["capability"];
  expect(asked.message).toContain(String(capability));
  return `no ${capability}`;
}

describe("roots", () => {
  test("are requested only from clients that declared them, in every revision", () => {
    for (const revision of revisions) {
      expect(ask("roots/list", {}, revision, { roots: {} })).toEqual({
        method: "roots/list",
        params: {},
      });
      expect(outcome("roots/list", {}, revision, { sampling: {} })).toBe("no roots");
    }
  });

  test("a capability that is no object, or inherited, is not declared", () => {
    for (const capabilities of [{ roots: true }, { roots: null }, Object.create({ roots: {} })]) {
      expect(outcome("roots/list", {}, latestRevision, capabilities)).toBe("no roots");
    }
  });
});

describe("sampling", () => {
  const text = { type: "text", text: "a" };
  const audio = { type: "audio", data: "AA==", mimeType: "audio/wav" };
  const sample = (params: JsonObject, revision: string, capabilities: JsonObject) =>
    outcome("sampling/createMessage", params, revision, capabilities);
  const plain = { messages: [{ role: "user", content: text }], maxTokens: 5 };

  test("is requested only from clients that declared it", () => {
    for (const revision of revisions) {
      expect(sample(plain, revision, { sampling: {} })).toEqual(plain);
      expect(sample(plain, revision, {})).toBe("no sampling");
    }
  });

  test("several blocks become several messages before 2025-11-25", () => {
    const params = { messages: [{ role: "user", content: [text, { ...text, text: "b" }] }] };
    const split = {
      messages: [{ role: "user", content: text }, {
        role: "user",
        content: { ...text, text: "b" },
      }],
    };
    expect(sample(params, "2025-06-18", { sampling: {} })).toEqual(split);
    expect(sample(params, "2025-11-25", { sampling: {} })).toEqual(params);
  });

  test("audio becomes text for 2024-11-05", () => {
    const params = { messages: [{ role: "user", content: audio }] };
    expect(sample(params, "2024-11-05", { sampling: {} })).toMatchObject({
      messages: [{ role: "user", content: { type: "text" } }],
    });
    expect(sample(params, "2025-03-26", { sampling: {} })).toEqual(params);
  });

  const withTools = [
    { ...plain, tools: [] },
    { ...plain, toolChoice: { mode: "auto" } },
    {
      messages: [{
        role: "assistant",
        content: { type: "tool_use", id: "1", name: "a", input: {} },
      }],
    },
    {
      messages: [{
        role: "user",
        content: [text, { type: "tool_result", toolUseId: "1", content: [] }],
      }],
    },
  ];
  for (const params of withTools) {
    test(`${JSON.stringify(params).slice(0, 80)} needs sampling.tools and 2025-11-25`, () => {
      expect(sample(params, latestRevision, { sampling: { tools: {} } })).toEqual(params);
      expect(sample(params, latestRevision, { sampling: {} })).toBe("no sampling.tools");
      expect(sample(params, "2025-06-18", { sampling: { tools: {} } })).toBe("no sampling.tools");
    });
  }

  test("context is requested only from clients that declared it, if the revision can", () => {
    const wish = { ...plain, includeContext: "allServers" };
    const wishes = (capabilities: JsonObject) =>
      revisions.filter((revision) =>
        Object.hasOwn(sample(wish, revision, capabilities) as JsonObject, "includeContext")
      );
    expect(wishes({ sampling: { context: {} } })).toEqual([...revisions]);
    // Older clients had no words to declare it; they may ignore it.
    expect(wishes({ sampling: {} })).toEqual(["2024-11-05", "2025-03-26", "2025-06-18"]);
    expect(sample(wish, latestRevision, { sampling: {} })).toEqual(plain);
  });

  test("a request for a task is dropped", () => {
    expect(sample({ ...plain, task: { ttl: 1 } }, latestRevision, { sampling: {} })).toEqual(plain);
  });
});

describe("elicitation", () => {
  const elicit = (params: JsonObject, revision: string, elicitation: unknown) =>
    outcome(
      "elicitation/create",
      params,
      revision,
      elicitation === undefined ? {} : { elicitation },
    );
  const form = (properties: JsonObject) => ({
    message: "m",
    requestedSchema: { type: "object", properties, required: [] },
  });
  const page = { mode: "url", message: "m", url: "https://a.example", elicitationId: "1" };
  const plain = form({ name: { type: "string", title: "Name" }, age: { type: "integer" } });

  test("exists since 2025-06-18", () => {
    const outcomes = revisions.map((revision) => elicit(plain, revision, {}));
    expect(outcomes).toEqual(["no elicitation/create", "no elicitation/create", plain, plain]);
  });

  const declared: [unknown, boolean, boolean][] = [
    [undefined, false, false],
    [{}, true, false],
    [{ form: {} }, true, false],
    [{ url: {} }, false, true],
    [{ form: {}, url: {} }, true, true],
    [{ applyDefaults: true }, true, false],
  ];
  for (const [capability, forms, pages] of declared) {
    test(`${JSON.stringify(capability) ?? "nothing"} declares forms: ${forms}, pages: ${pages}`, () => {
      expect(typeof elicit(plain, latestRevision, capability)).toBe(forms ? "object" : "string");
      expect(typeof elicit(page, latestRevision, capability)).toBe(pages ? "object" : "string");
    });
  }

  test("pages need 2025-11-25, whatever an older client declares", () => {
    expect(elicit(page, "2025-06-18", { url: {} })).toBe("no elicitation.url");
    expect(elicit(page, "2025-11-25", { url: {} })).toEqual(page);
  });

  const titled = {
    type: "string",
    title: "Colour",
    default: "r",
    oneOf: [{ const: "r", title: "Red" }, { const: "g" }],
  };

  test("titled choices reach 2025-06-18 clients in their form", () => {
    expect(elicit(form({ colour: titled }), "2025-06-18", {})).toEqual(form({
      colour: {
        type: "string",
        title: "Colour",
        default: "r",
        enum: ["r", "g"],
        enumNames: ["Red", "g"],
      },
    }));
    expect(elicit(form({ colour: titled }), "2025-11-25", {})).toEqual(form({ colour: titled }));
  });

  test("multiple choice cannot be sent to 2025-06-18 clients", () => {
    const several = form({ all: { type: "array", items: { type: "string", enum: ["a"] } } });
    expect(elicit(several, "2025-06-18", {})).toBe("no elicitation.form");
    expect(elicit(several, "2025-11-25", {})).toEqual(several);
  });

  test("a field named __proto__ stays a field", () => {
    const schema = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}');
    const asked = elicit({ message: "m", requestedSchema: schema }, "2025-06-18", {});
    expect(JSON.stringify(asked)).toContain('"properties":{"__proto__":{"type":"string"}}');
  });
});

test("what no client of this era can be asked is refused", () => {
  for (const method of ["ping", "tasks/get", "constructor", "x/y"]) {
    expect(ask(method, {}, latestRevision, { roots: {} })).toBeInstanceOf(GatewayError);
  }
});
