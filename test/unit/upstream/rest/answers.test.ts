/** What a model gets of an API's answer, and its error when there is none or the API refuses. */
import { afterEach, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import {
  type ApiOptions,
  type ApiRoutes,
  createApis,
  operation,
  operationOf,
  parameter,
} from "../../../support/api_server.ts";
import { serveBytes, serveFaults } from "../../../support/fault_server.ts";
import { freePort } from "../../../support/free_port.ts";
import type { Operation } from "../../../../src/upstream/rest/service.ts";

const apis = createApis();
afterEach(apis.closeAll);

/** Opens one tool, `it`. */
const open = (
  answer: ApiRoutes[string],
  overrides: Partial<Operation> = {},
  options: ApiOptions = {},
) => apis.open({ "/it": answer }, [operation({ name: "it", ...overrides })], options);
const post = { method: "POST", repeatable: false, readOnly: false };
const html = (body = "<h1>Log in</h1>") => ({ "content-type": "text/html", body });

describe("answers that went well", () => {
  test("JSON is the result, in words and as a structure, with its digits", async () => {
    const api = await open(({ send }) =>
      send(200, '{"a":[1,9007199254740993]}', { "content-type": "application/hal+json" })
    );
    const { content, structuredContent, isError } = await api.call("it");
    expect(content).toEqual([{ type: "text", text: '{"a":[1,9007199254740993]}' }]);
    expect(JSON.stringify(structuredContent)).toBe('{"result":{"a":[1,9007199254740993]}}');
    expect(isError).toBe(undefined);
  });

  test("JSON that comes without its type is understood where JSON is documented", async () => {
    const api = await open(({ send }) => send(200, '{"a":1}', { "content-type": "text/plain" }), {
      produces: ["application/json"],
    });
    expect((await api.call("it")).structuredContent).toEqual({ result: { a: 1 } });
  });

  test("text is a result with a text, in pieces when it is long", async () => {
    const api = await open(
      ({ send }) => send(200, "0123456789", { "content-type": "text/plain" }),
      {},
      { limits: { restResultCharsMax: 8 } },
    );
    const { structuredContent } = await api.call("it");
    expect(structuredContent.result).toEqual({ text: "01234567" });
    expect(structuredContent.next).toEqual({ skip: 8 });
    expect(structuredContent.note).toContain("skip: 8");
    expect((await api.call("it", structuredContent.next)).structuredContent)
      .toEqual({ result: { text: "89" } });
  });

  test("an image is passed on, and other files are described, not included", async () => {
    const bytes = new Uint8Array([137, 80, 78, 71, 0, 255]);
    const image = await open(({ send }) => send(200, bytes, { "content-type": "image/png" }));
    expect((await image.call("it")).content[0] as unknown)
      .toEqual({ type: "image", mimeType: "image/png", data: "iVBORwD/" });
    const large = await open(
      ({ send }) => send(200, bytes, { "content-type": "image/png", "content-length": "6" }),
      {},
      { limits: { restMediaBytesMax: 5 } },
    );
    expect((await large.call("it")).structuredContent.note).toContain("6 bytes");
    const zip = await open(({ send }) =>
      send(200, bytes, { "content-type": "application/zip", "content-length": "6" })
    );
    const { content, structuredContent } = await zip.call("it");
    expect(structuredContent).toEqual({
      note:
        'The answer is a file of 6 bytes of the type "application/zip", which is not passed on.',
    });
    expect(content[0]?.text).toBe(structuredContent.note);
  });

  test("H1 credentials that were sent to the API do not come back in its data", async () => {
    const key = "canary/key+7f3a";
    const echo: ApiRoutes[string] = ({ send, url }) =>
      send(
        200,
        // As PHP writes JSON.
        JSON.stringify({ self: `https://x.example${url}`, me: { [key]: key }, n: [1] })
          .replaceAll("/", "\\/"),
        {
          "content-type": "application/json",
          link: `<https://x.example/it?k=${encodeURIComponent(key)}&page=2>; rel="next"`,
        },
      );
    const api = await apis.open({ "/it": echo }, [
      operationOf({ name: "it", pagination: { type: "link" } }, [
        parameter({ argument: "k" }),
        parameter({ argument: "page" }),
      ]),
    ], { config: { credentials: { type: "api_key", in: "query", name: "k", key } } });
    const result = await api.call("it");
    expect(api.server.seen[0]?.url).toContain(encodeURIComponent(key));
    expect(JSON.stringify(result)).not.toContain("canary");
    expect(result.structuredContent.result)
      .toEqual({ self: "https://x.example/it?k=…", me: { "…": "…" }, n: [1] });
    expect(result.structuredContent.next?.["page"]).toBe("2");
    const text = await open(
      ({ send, headers }) =>
        send(200, `${headers.authorization}, ${headers["x-api-key"]}, ${headers["x-team"]}`, {
          "content-type": "text/plain",
        }),
      {},
      {
        config: {
          headers: { "x-api-key": "canary-key-1", "x-team": "blue-canyon" },
          credentials: { type: "basic", username: "user", password: "canary-password" },
        },
      },
    );
    expect((await text.call("it")).structuredContent.result)
      .toEqual({ text: "…, …, blue-canyon" });
  });

  test("no content is null, and said", async () => {
    const api = await open(({ send }) => send(204, ""), { ...post });
    const { structuredContent, content } = await api.call("it");
    expect(structuredContent.result).toBe(null);
    expect(structuredContent.note).toContain("status 204");
    expect(content.map(({ text }) => text)).toEqual(["null", structuredContent.note ?? ""]);
  });
});

describe("F5 answers that are not what they should be", () => {
  const documented = {
    outputSchema: {
      type: "object",
      properties: { price: { type: "number" } },
      required: ["price"],
    },
  };

  test("F5 JSON of another shape is given as it came, and said", async () => {
    const api = await open(({ json }) => json({ price: "high" }), documented);
    const { structuredContent, isError } = await api.call("it");
    expect(structuredContent.raw).toEqual({ price: "high" });
    expect(structuredContent.result).toBe(undefined);
    expect(structuredContent.note).toContain("documented shape");
    expect(isError).toBe(undefined);
  });

  test("F5 keys such as __proto__ are ordinary keys", async () => {
    const text = '{"__proto__":{"a":1},"constructor":2,"toString":3}';
    const api = await open(
      ({ send }) => send(200, text, { "content-type": "application/json" }),
      { outputSchema: { type: "object", properties: { a: { type: "string" } } } },
    );
    const { content } = await api.call("it");
    expect(content[0]?.text).toBe(text);
    expect(({} as Record<string, unknown>)["a"]).toBe(undefined);
  });

  test("F4 a bomb of a body is cut off", async () => {
    const bomb = gzipSync(new Uint8Array(4_000_000));
    const api = await open(
      ({ send }) =>
        send(200, bomb, { "content-type": "application/json", "content-encoding": "gzip" }),
      {},
      { limits: { responseBytesMax: 1_000_000 } },
    );
    expect((await api.fail("it"))["error"]).toContain("larger than 1000000 bytes");
  });
});

describe("refusals", () => {
  test("the API's own words reach the model in one short line, wherever they stand", async () => {
    const told: [unknown, string][] = [
      [{ error: "coin not found" }, "coin not found"],
      [{ message: "Not\r\nFound", documentation_url: "x" }, "Not Found"],
      [{ error: { code: 7, message: "too deep" } }, "too deep"],
      [{ errors: [{ message: "first" }, { message: "second" }] }, "first"],
      [{ errors: ["You cannot consume this service"] }, "You cannot consume this service"],
      [{ detail: [{ loc: ["q"], msg: "x" }], title: "Bad" }, "Bad"],
      [{ status: { error_code: 10, error_message: "slow down" } }, "slow down"],
    ];
    for (const [body, words] of told) {
      const api = await open(({ json }) => json(body, 404));
      const error = await api.fail("it");
      expect(error["error"]).toBe(`Server "api" answered with status 404: ${words}`);
      expect(error["status"]).toBe(404);
      expect(error["method"]).toBe("GET");
      expect(error["url"]).toBe(`${api.server.origin}/it`);
      expect(Object.keys(error)).toContain("response_time");
      expect(String(error["timestamp"])).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    }
    const own = await open(({ json }) => json({ a: [{ why: "own" }], error: "x" }, 422), {}, {
      service: { errorMessages: ["a[0].why"] },
    });
    expect((await own.fail("it"))["error"]).toContain("422: own");
    const long = await open(({ json }) => json({ error: "x".repeat(10_000) }, 400));
    expect(String((await long.fail("it"))["error"]).length < 400).toBe(true);
    const page = await open(({ send }) => send(400, html().body, { "content-type": "text/html" }));
    expect((await page.fail("it"))["error"]).toBe('Server "api" answered with status 400');
  });

  test("H1, H3 no secret comes back in a message, and nothing of a server's own fault", async () => {
    const secret = "canary-7f3a";
    const api = await open(
      ({ json, headers }) =>
        json({ error: `bad key ${headers["authorization"]} (${secret})` }, 400),
      {},
      { config: { credentials: { type: "bearer", token: secret } } },
    );
    const text = JSON.stringify(await api.fail("it"));
    expect(text).toContain("bad key …");
    expect(text).not.toContain(secret);
    const basic = await open(
      ({ json }) =>
        json({ error: `no ${secret} at https://u:${secret}@x.example/a?k=${secret}` }, 400),
      {},
      { config: { credentials: { type: "basic", username: "u", password: secret } } },
    );
    expect(JSON.stringify(await basic.fail("it"))).not.toContain(secret);
    const query = await open(
      ({ json, url }) => json({ error: `cannot serve ${url}` }, 404),
      {},
      { config: { credentials: { type: "api_key", in: "query", name: "k", key: `${secret}&` } } },
    );
    expect(JSON.stringify(await query.fail("it"))).not.toContain(secret);
    const fault = await open(({ json }) => json({ error: `stack with ${secret}` }, 500));
    expect((await fault.fail("it"))["error"]).toBe('Server "api" answered with status 500');
  });

  test("refused credentials are said to be, and asked for where there are none", async () => {
    const with_ = await open(({ json }) => json({ error: "no" }, 401), {}, {
      config: { credentials: { type: "bearer", token: "old-token" } },
    });
    expect((await with_.fail("it"))["error"]).toContain("refused the credentials");
    expect(with_.server.seen.length).toBe(1);
    const without = await open(({ json }) => json({ error: "no" }, 403));
    expect((await without.fail("it"))["error"]).toContain('give the server "credentials"');
  });
});

describe("F1 slow servers", () => {
  test("F1 one that never answers, and one that stops in the middle, end with the call's time", async () => {
    const timed = { config: { callTimeoutMs: 200 }, deps: { clock: apis.pacedClock() } };
    const silent = await open(() => {}, {}, timed);
    const error = await silent.fail("it");
    expect(error["error"]).toContain('Server "api" did not answer within');
    const halting = await open(
      ({ response }) => {
        response.writeHead(200, { "content-type": "application/json" });
        response.write('{"a":');
      },
      {},
      timed,
    );
    expect((await halting.fail("it"))["error"]).toContain("did not answer within");
    const refusing = await open(
      ({ response }) => {
        response.writeHead(400, { "content-type": "application/json" });
        response.write('{"error":');
      },
      {},
      timed,
    );
    expect((await refusing.fail("it"))["error"]).toContain("status 400");
  });

  test("F1 of a call that changes things it is said that its effect is unknown", async () => {
    const timed = { config: { callTimeoutMs: 200 }, deps: { clock: apis.pacedClock() } };
    const api = await open(() => {}, post, timed);
    const error = await api.fail("it");
    expect(error["outcome"]).toBe("unknown");
    expect(error["error"]).toContain("whether it took effect is unknown");
  });

  test("a client that gives up takes the request with it", async () => {
    const stop = new AbortController();
    let gone: () => void = () => {};
    const left = new Promise<void>((resolve) => gone = resolve);
    const api = await open(({ response }) => {
      response.on("close", gone);
      stop.abort();
    });
    await expect(api.call("it", {}, { signal: stop.signal })).rejects.toThrow();
    await left;
  });

  test("one that is not there is said to be so, in the same words", async () => {
    const port = await freePort();
    const api = await open(() => {}, {}, { service: { baseUrl: `http://127.0.0.1:${port}` } });
    const error = await api.fail("it");
    expect(error["error"]).toContain('Server "api" cannot be reached');
    expect(error["url"]).toBe(`http://127.0.0.1:${port}/it`);
  });
});

describe("F2, F6, F9 redirects and retries", () => {
  test("F2 a redirect to another origin takes no key and no message along", async () => {
    const other = await serveFaults((_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"other":true}');
    }, { hostname: "127.0.0.1" });
    try {
      const config = {
        credentials: { type: "bearer", token: "canary-f2" },
        headers: { "x-tenant": "ours" },
      } as const;
      const redirect = {
        "/it": (visit: { send: (s: number, b: string, h: object) => void }) =>
          visit.send(307, "", { location: `${other.origin}/it` }),
      };
      const reading = await apis.open(redirect as ApiRoutes, [operation({ name: "it" })], {
        config,
      });
      // Loopback is private: only the operator's own URL may be there.
      expect((await reading.fail("it"))["error"]).toContain("private address");
      const writing = await apis.open(
        redirect as ApiRoutes,
        [operation({ name: "it", ...post })],
        { config },
      );
      expect((await writing.fail("it"))["error"]).toContain("which POST does not follow");
      expect(other.seen).toEqual([]);
    } finally {
      await other.close();
    }
  });

  test("F6 a busy server is asked again when it says so, where that is safe", async () => {
    const busy: ApiRoutes[string] = ({ count, json }) =>
      count === 1 ? json({ error: "busy" }, 429, { "retry-after": "0" }) : json({ ok: count });
    const limits = { httpRetriesMax: 1 };
    const reading = await open(busy, {}, { limits });
    expect((await reading.call("it")).structuredContent.result).toEqual({ ok: 2 });
    const writing = await open(busy, post, { limits });
    const error = await writing.fail("it");
    expect(error["error"]).toContain("429: busy");
    expect(error["retryAfterMs"]).toBe(0);
    expect(writing.server.seen.length).toBe(1);
  });

  test("F6 the error says how long to wait, at most an hour", async () => {
    const asked = async (retryAfter: string) => {
      const api = await open(({ json }) => json({}, 503, { "retry-after": retryAfter }));
      return (await api.fail("it"))["retryAfterMs"];
    };
    expect(await asked("120")).toBe(120_000);
    expect(await asked("1000000000")).toBe(3_600_000);
    expect(await asked("-5")).toBe(undefined);
  });

  test("F9 what changes things is sent once, however it breaks", async () => {
    const limits = { httpRetriesMax: 3 };
    for (const status of [500, 502, 503, 504]) {
      const api = await open(({ json }) => json({}, status), post, { limits });
      expect((await api.fail("it"))["outcome"]).toBe("unknown");
      expect(api.server.seen.length).toBe(1);
    }
    let heard = 0;
    const cut = await serveBytes((socket) => {
      socket.on("data", () => {
        heard += 1;
        socket.destroy();
      });
    });
    try {
      const api = await open(() => {}, post, { limits, service: { baseUrl: cut.origin } });
      const error = await api.fail("it");
      expect(error["outcome"]).toBe("unknown");
      expect(heard).toBe(1);
    } finally {
      await cut.close();
    }
  });
});
