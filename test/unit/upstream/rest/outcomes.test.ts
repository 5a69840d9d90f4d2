/**
 * What a client knows after a call: a call that the API carried out is a success, whatever its
 * answer, and each failure says whether the call may have taken effect.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import {
  type Api,
  type ApiOptions,
  type ApiRoutes,
  createApis,
  operation,
  operationOf,
  parameter,
  type ToolResult,
} from "../../../support/api_server.ts";
import { freePort } from "../../../support/free_port.ts";
import type { Operation } from "../../../../src/upstream/rest/service.ts";

const apis = createApis();
afterEach(apis.closeAll);

const order: Partial<Operation> = {
  method: "POST",
  repeatable: false,
  readOnly: false,
  produces: ["application/json"],
  outputSchema: { type: "object" },
};

const open = (
  answer: ApiRoutes[string],
  overrides: Partial<Operation> = order,
  options: ApiOptions = {},
) => apis.open({ "/order": answer }, [operation({ name: "order", ...overrides })], options);

/** What the answer with this body is to a client. */
async function give(
  body: string | Uint8Array,
  headers: Record<string, string> = {},
  overrides: Partial<Operation> = order,
): Promise<ToolResult> {
  const api = await open(({ send }) => send(200, body, headers), overrides);
  const result = await api.call("order");
  expect(result.isError).toBe(undefined);
  expect(api.server.seen.length).toBe(1);
  return result;
}

const json = { "content-type": "application/json" };
const carriedOut = "The call was carried out (status 200).";

describe("a call that was carried out is a success, with the text of its answer", () => {
  const texts: readonly [name: string, body: string, type: string | undefined, says: string][] = [
    ["plain text", "Order 17 placed", "text/plain", '"text/plain" instead of JSON'],
    ["a page", "<h1>Thank you</h1>", "text/html; charset=utf-8", 'a page ("text/html")'],
    ["XML", "<order id='17'/>", "application/xml", '"application/xml" instead of JSON'],
    ["a type of its own", "id: 17", "application/yaml", '"application/yaml" instead of JSON'],
    ["no type at all", "Order 17", undefined, "something without a type instead of JSON"],
    ["bytes that are text", "Order 17", "application/octet-stream", "instead of JSON"],
    ["half of JSON", '{"order":', "application/json", "the answer is not valid JSON"],
    ["what JSON does not have", "NaN", "application/json", "the answer is not valid JSON"],
    ["too deep JSON", "[".repeat(1_000), "application/json", "the answer is not valid JSON"],
  ];
  for (const [name, body, type, says] of texts) {
    test(`${name} instead of JSON`, async () => {
      for (const overrides of [order, { ...order, method: "GET", readOnly: true }]) {
        const headers = type === undefined ? {} : { "content-type": type };
        const { content, structuredContent } = await give(body, headers, overrides);
        expect(structuredContent.raw).toEqual({ text: body });
        expect(structuredContent.result).toBe(undefined);
        expect(structuredContent.note).toMatch(/^Not as documented: the answer is /);
        expect(structuredContent.note).toContain(says);
        expect(structuredContent.note).toContain(carriedOut);
        expect(content.map(({ text }) => text))
          .toEqual([JSON.stringify({ text: body }), structuredContent.note ?? ""]);
      }
    });
  }

  test("JSON of another type is JSON", async () => {
    for (const type of ["text/html", "text/plain", "application/octet-stream", "application/x-a"]) {
      const { structuredContent } = await give('{"order":17}', { "content-type": type });
      expect(structuredContent).toEqual({ result: { order: 17 } });
    }
  });

  test("text where a part of JSON is wanted, and pages", async () => {
    const { structuredContent } = await give("none today", { "content-type": "text/plain" }, {
      projection: "orders[].id",
      pagination: { type: "page", parameter: "page", first: 1 },
      cacheMs: 60_000,
    });
    expect(structuredContent.raw).toEqual({ text: "none today" });
    expect(structuredContent.next).toBe(undefined);
    expect(structuredContent.note).toContain("Not as documented");
  });

  test("an image, as one", async () => {
    const { content } = await give(Uint8Array.of(137, 80, 0), { "content-type": "image/png" });
    expect(content.map(({ type }) => type)).toEqual(["image"]);
  });

  test("text in UTF-16 that only its first bytes announce", async () => {
    const bytes = Uint8Array.of(0xff, 0xfe, 0x7b, 0, 0x7d, 0);
    expect((await give(bytes, json)).structuredContent).toEqual({ result: {} });
  });

  test("a long text, in pieces that are whole characters", async () => {
    const api = await open(
      ({ send }) => send(200, "abc😀def", { "content-type": "text/plain" }),
      { ...order, method: "GET", readOnly: true, repeatable: true },
      { limits: { restResultCharsMax: 4 } },
    );
    const { structuredContent } = await api.call("order");
    expect(structuredContent.raw).toEqual({ text: "abc" });
    expect(structuredContent.next).toEqual({ skip: 3 });
    expect((await api.call("order", { skip: 3 })).structuredContent.raw).toEqual({ text: "😀de" });
  });

  test("whose rest is never offered for what would be carried out once more", async () => {
    const list = JSON.stringify(Array.from({ length: 100 }, (_, n) => n));
    const limits = { restResultCharsMax: 60 };
    for (const [body, type] of [[list, "application/json"], ["x".repeat(100), "text/plain"]]) {
      const api = await open(
        ({ send }) => send(200, body ?? "", { "content-type": type ?? "" }),
        { method: "POST", repeatable: false, readOnly: false },
        { limits },
      );
      const { structuredContent } = await api.call("order");
      expect(structuredContent.next).toBe(undefined);
      expect(structuredContent.note).toContain("carries out the call again");
    }
  });
});

describe("a call that was carried out is a success, even where nothing can be passed on", () => {
  const files: readonly [
    name: string,
    body: Uint8Array | string,
    headers: Record<string, string>,
  ][] = [
    ["a file", Uint8Array.of(80, 75, 3, 4, 0, 255), { "content-type": "application/zip" }],
    ["a file that is called text", "a\0b", { "content-type": "text/plain" }],
    ["broken compression", "no gzip", { ...json, "content-encoding": "gzip" }],
    ["an encoding that was not asked for", "{}", { ...json, "content-encoding": "br" }],
  ];
  for (const [name, body, headers] of files) {
    test(name, async () => {
      const { structuredContent, content } = await give(body, headers);
      expect(structuredContent.raw).toBe(undefined);
      expect(structuredContent.note).toMatch(/^Not as documented: .*is not passed on/);
      expect(structuredContent.note).toContain(carriedOut);
      expect(content.map(({ text }) => text)).toEqual([structuredContent.note ?? ""]);
    });
  }

  test("no content", async () => {
    for (const status of [200, 201, 202, 204, 205]) {
      const api = await open(({ send }) => send(status, "", json));
      const { structuredContent, isError } = await api.call("order");
      expect(isError).toBe(undefined);
      expect(structuredContent.note)
        .toBe(`The server answered with status ${status} and no content.`);
    }
    expect((await give(" \r\n", json)).structuredContent.note).toContain("no content");
  });

  test("text that may repeat a credential in a form that cannot be taken out", async () => {
    const api = await open(({ send }) => send(200, '{"you sent": "canary\\u002fkey', json), order, {
      config: { credentials: { type: "bearer", token: "canary/key" } },
    });
    const result = await api.call("order");
    expect(JSON.stringify(result)).not.toContain("canary");
    expect(result.structuredContent.note).toContain(carriedOut);
  });
});

describe("an answer that does not come to its end", () => {
  const cut: ApiRoutes[string] = ({ response }) => {
    response.writeHead(200, { ...json, "content-length": "100" });
    response.write('{"order":"é', () => response.destroy());
  };
  const large: ApiRoutes[string] = ({ send }) =>
    send(200, gzipSync("x".repeat(10_000)), { ...json, "content-encoding": "gzip" });
  const limits = { responseBytesMax: 5_000 };

  test("of a call that changes something: it was carried out", async () => {
    const broken = (await (await open(cut)).call("order")).structuredContent;
    expect(broken.raw).toEqual({ text: '{"order":"é' });
    expect(broken.note).toContain("not complete: the connection broke");
    expect(broken.note).toContain(carriedOut);
    const note =
      (await (await open(large, order, { limits })).call("order")).structuredContent.note;
    expect(note).toContain("larger than 5000 bytes");
    expect(note).toContain(carriedOut);
  });

  test("of a stream of events that never ends: it was carried out", async () => {
    const api = await open(
      ({ response }) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.on("close", () => clearInterval(timer));
        const timer = setInterval(() => response.write("data: tick\n\n".repeat(100)), 1);
      },
      order,
      { limits },
    );
    const { raw, note } = (await api.call("order")).structuredContent;
    expect((raw as { text: string }).text).toMatch(/^data: tick\n\n/);
    expect(note).toContain("larger than 5000 bytes");
    expect(note).toContain(carriedOut);
  });

  test("of a call that only reads: there is no answer, and whether it was made is unknown", async () => {
    const reading = { ...order, method: "GET", readOnly: true };
    for (const route of [cut, large]) {
      const api = await open(route, reading, { limits });
      expect((await api.fail("order"))["outcome"]).toBe("unknown");
    }
  });

  test("in time: nothing says that it was carried out", async () => {
    const api = await open(
      ({ response }) => {
        response.writeHead(200, json);
        response.write("{");
      },
      order,
      { config: { callTimeoutMs: 200 }, deps: { clock: apis.pacedClock() } },
    );
    const error = await api.fail("order");
    expect(error["outcome"]).toBe("unknown");
    expect(error["error"]).toMatch(/did not answer within \d+ ms; whether it took effect/);
  });
});

describe("a failure says whether the call may have taken effect", () => {
  /** In the words for a model, and where a program finds it. */
  async function outcomeOf(api: Api, given = {}): Promise<unknown> {
    const { isError, _meta } = await api.call("order", given);
    expect(isError).toBe(true);
    return _meta?.["mcp-wrapper/outcome"];
  }

  test("by its status", async () => {
    const outcomes = {
      refused: [400, 401, 403, 404, 405, 409, 410, 418, 422, 429, 451],
      unknown: [300, 304, 500, 501, 502, 503, 504, 520, 599],
    };
    for (const [outcome, statuses] of Object.entries(outcomes)) {
      for (const status of statuses) {
        const api = await open(({ send }) => send(status, ""));
        const error = await api.fail("order");
        expect([status, error["outcome"], error["status"]]).toEqual([status, outcome, status]);
        expect(String(error["error"]).includes("whether it took effect is unknown"))
          .toBe(outcome === "unknown");
        expect(await outcomeOf(api)).toBe(outcome);
      }
    }
  });

  test("after a redirect, which carries no call on that may change something", async () => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      for (const status of [301, 302, 303, 307, 308]) {
        for (const location of ["/other", "https://elsewhere.example/x?key=hunter2"]) {
          const api = await open(({ send }) => send(status, "", { location }), {
            ...order,
            method,
            repeatable: method === "PUT" || method === "DELETE",
          });
          const error = await api.fail("order");
          expect([method, status, error["outcome"]]).toEqual([method, status, "unknown"]);
          expect(error["error"]).toContain(
            `with status ${status}, which ${method} does not follow`,
          );
          expect(JSON.stringify(error)).not.toContain("hunter2");
          expect(api.server.seen.length).toBe(1);
        }
      }
    }
  });

  test("and reads follow it", async () => {
    const api = await apis.open({
      "/order": ({ send }) => send(307, "", { location: "/other" }),
      "/other": ({ json: answer }) => answer({ ok: true }),
    }, [operation({ name: "order" })]);
    expect((await api.call("order")).structuredContent.result).toEqual({ ok: true });
  });

  test("when nothing was sent", async () => {
    const item = parameter({ argument: "item", required: true });
    const api = await apis.open({ "*": ({ json: answer }) => answer({}) }, [
      operationOf({ name: "order", ...order }, [item]),
    ]);
    expect(await outcomeOf(api)).toBe("not_sent");
    expect(api.server.seen.length).toBe(0);
    const baseUrl = `http://127.0.0.1:${await freePort()}`;
    const away = await open(() => {}, order, {
      service: { baseUrl },
      limits: { circuitFailuresMax: 1 },
    });
    const first = await away.fail("order");
    expect([first["outcome"], first["error"]])
      .toEqual(["not_sent", expect.stringContaining("cannot be reached")]);
    // From now on the circuit is open.
    const second = await away.fail("order");
    expect([second["outcome"], second["error"]])
      .toEqual(["not_sent", expect.stringContaining("could not be reached just now")]);
    const busy = await open(({ json: answer }) => answer({}), order, {
      service: { budget: { requests: 1, perMs: 3_600_000 } },
    });
    await busy.call("order");
    expect((await busy.fail("order"))["outcome"]).toBe("not_sent");
    expect(busy.server.seen.length).toBe(1);
    const locked = await open(() => {}, order, {
      config: {
        credentials: { type: "unset", problem: "needs a key" },
      },
    });
    expect((await locked.fail("order"))["outcome"]).toBe("not_sent");
    expect(locked.server.seen.length).toBe(0);
  });

  test("a method that may change something is sent once, and one that reads again", async () => {
    const limits = { httpRetriesMax: 2 };
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"]) {
      for (const fault of ["cut", 502, 503, 504] as const) {
        const api = await open(
          ({ response, send }) => fault === "cut" ? response.destroy() : send(fault, ""),
          { ...order, method, readOnly: method === "GET", resends: method === "GET" },
          { limits },
        );
        expect((await api.fail("order"))["outcome"]).toBe("unknown");
        expect([method, fault, api.server.seen.length])
          .toEqual([method, fault, method === "GET" ? 3 : 1]);
      }
    }
  });

  test("and a refusal of a later attempt does not hide what an earlier one may have done", async () => {
    const api = await open(
      ({ count, response, send }) => count === 1 ? response.destroy() : send(404, ""),
      { method: "GET" },
      { limits: { httpRetriesMax: 1 } },
    );
    expect((await api.fail("order"))["outcome"]).toBe("unknown");
  });
});

describe("whatever happens to calls", () => {
  /** What the API does with a call, and whether it carried it out. */
  const deeds: readonly (readonly [isDone: boolean, answer: ApiRoutes[string]])[] = [
    [true, ({ json: answer }) => answer({ ok: true })],
    [true, ({ send }) => send(201, "placed", { "content-type": "text/plain" })],
    [true, ({ send }) => send(200, "<p>placed</p>", { "content-type": "text/html" })],
    [true, ({ send }) => send(200, '{"half":', json)],
    [true, ({ send }) => send(200, "no gzip", { ...json, "content-encoding": "gzip" })],
    [true, ({ send }) => send(204, "")],
    [true, ({ send }) => send(303, "", { location: "/order" })],
    [true, ({ send }) => send(308, "", { location: "/order" })],
    [true, ({ send }) => send(502, "")],
    [true, ({ send }) => send(503, "", { "retry-after": "0" })],
    [true, ({ response }) => response.destroy()],
    [true, ({ response }) => {
      response.writeHead(200, { ...json, "content-length": "50" });
      response.write("{", () => response.destroy());
    }],
    [false, ({ send }) => send(404, "")],
    [false, ({ send }) => send(422, "not placed")],
    [false, ({ send }) => send(429, "", { "retry-after": "0" })],
  ];

  test("each is carried out once at most, and no failure denies what was done", async () => {
    const random = seeded(17);
    const done: string[] = [];
    const given: string[] = [];
    const api = await apis.open({
      "/order": (visit) => {
        const [isDone, answer] = deeds[Math.floor(random() * deeds.length)] ?? [];
        if (isDone) done.push(visit.query.get("id") ?? "");
        answer?.(visit);
      },
    }, [
      operationOf({ name: "order", ...order }, [parameter({ argument: "id" })]),
    ], { limits: { httpRetriesMax: 3, circuitFailuresMax: 1_000 } });
    for (let id = 0; id < 400; id += 1) {
      const { isError, _meta } = await api.call("order", { id: String(id) });
      const isDone = done.includes(String(id));
      const outcome = _meta?.["mcp-wrapper/outcome"];
      const wrong = isError === true ? isDone && outcome !== "unknown" : !isDone;
      if (wrong) given.push(`${id}: ${outcome}`);
    }
    expect(given).toEqual([]);
    expect(new Set(done).size).toBe(done.length);
    expect(api.server.seen.length).toBe(400);
  });
});

/** Numbers from 0 to 1 that are the same each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
