/** Arguments on the wire: where they go, how lists and objects are written, and what they cannot do. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  type ApiOptions,
  createApis,
  operationOf,
  parameter,
} from "../../../support/api_server.ts";
import type { JsonObject } from "../../../../src/model.ts";
import type { Operation, Parameter } from "../../../../src/upstream/rest/service.ts";

const apis = createApis();
afterEach(apis.closeAll);
const echo = { "*": (visit: { json(value: unknown): void }) => visit.json({ ok: true }) };

/** Opens one tool, `it`. */
const open = (
  parameters: readonly Parameter[],
  schemas: JsonObject = {},
  overrides: Partial<Operation> = {},
  options: ApiOptions = {},
) => apis.open(echo, [operationOf({ name: "it", ...overrides }, parameters, schemas)], options);

describe("where arguments go", () => {
  test("path, query, header and cookie each get theirs, under the wire's name", async () => {
    const api = await open(
      [
        parameter({ argument: "id", in: "path", required: true }),
        parameter({ argument: "limit", wire: "per_page", default: 50 }),
        parameter({ argument: "trace", wire: "X-Trace", in: "header" }),
        parameter({ argument: "theme", in: "cookie" }),
      ],
      { limit: { type: "integer" } },
      { path: "/things/{id}/parts" },
      { prefix: "/v1" },
    );
    await api.call("it", { id: "a b/ü", trace: "t-1", theme: "dark;x=1" });
    await api.call("it", { id: "7", limit: 5 });
    const [first, second] = api.server.seen;
    expect(first?.url).toBe("/v1/things/a%20b%2F%C3%BC/parts?per_page=50");
    expect(first?.headers["x-trace"]).toBe("t-1");
    expect(first?.headers.cookie).toBe("theme=dark%3Bx%3D1");
    expect(first?.headers.accept).toBe("application/json");
    expect(second?.url).toBe("/v1/things/7/parts?per_page=5");
    expect(second?.headers.cookie).toBe(undefined);
  });
});

describe("what is asked for", () => {
  test("the documented types are, JSON most of all, unless the configuration says otherwise", async () => {
    const acceptOf = async (produces: readonly string[], headers: Record<string, string> = {}) => {
      const api = await open([], {}, { produces }, { config: { headers } });
      await api.call("it");
      return api.server.seen[0]?.headers.accept;
    };
    expect(await acceptOf(["text/x-diff", "application/json"]))
      .toBe("application/json, text/x-diff;q=0.5");
    expect(await acceptOf(["image/*"])).toBe("image/*");
    expect(await acceptOf([], { accept: "application/vnd.ours+json" }))
      .toBe("application/vnd.ours+json");
  });
});

describe("lists and objects", () => {
  const list = { type: "array", items: { type: "string" } };
  const object = {
    type: "object",
    properties: { a: { type: "string" }, b: { type: "string" } },
  };
  /** What the query is for a parameter `p` of this style. */
  const queryOf = async (overrides: Partial<Parameter>, schema: JsonObject, value: unknown) => {
    const api = await open([parameter({ argument: "p", ...overrides })], { p: schema });
    await api.call("it", { p: value });
    return api.server.seen[0]?.url.replace(/^\/it\??/, "");
  };

  test("a list is written as its style says, each item encoded for itself", async () => {
    const value = ["x&y=1", "z,z"];
    expect(await queryOf({}, list, value)).toBe("p=x%26y%3D1&p=z%2Cz");
    expect(await queryOf({ explode: false }, list, value)).toBe("p=x%26y%3D1,z%2Cz");
    expect(await queryOf({ style: "spaceDelimited", explode: false }, list, value))
      .toBe("p=x%26y%3D1%20z%2Cz");
    expect(await queryOf({ style: "pipeDelimited", explode: false }, list, value))
      .toBe("p=x%26y%3D1%7Cz%2Cz");
    expect(await queryOf({ join: "," }, list, value)).toBe("p=x%26y%3D1,z%2Cz");
    expect(await queryOf({ join: "|" }, list, value)).toBe("p=x%26y%3D1%7Cz%2Cz");
    expect(await queryOf({ style: "json" }, list, ["a"])).toBe("p=%5B%22a%22%5D");
    expect(await queryOf({}, list, [])).toBe("");
  });

  test("an object is written as its style says", async () => {
    const value = { a: "1&c=2", b: "3" };
    expect(await queryOf({ style: "deepObject" }, object, value))
      .toBe("p%5Ba%5D=1%26c%3D2&p%5Bb%5D=3");
    expect(await queryOf({}, object, value)).toBe("a=1%26c%3D2&b=3");
    expect(await queryOf({ explode: false }, object, value)).toBe("p=a,1%26c%3D2,b,3");
  });

  test("paths and headers have styles of their own", async () => {
    const inPath = async (style: Parameter["style"], explode: boolean) => {
      const one = parameter({ argument: "p", in: "path", required: true, style, explode });
      const api = await open([one], { p: list }, { path: "/it/{p}" });
      await api.call("it", { p: ["a/b", "c"] });
      return api.server.seen[0]?.url;
    };
    expect(await inPath("simple", false)).toBe("/it/a%2Fb,c");
    expect(await inPath("label", false)).toBe("/it/.a%2Fb,c");
    expect(await inPath("label", true)).toBe("/it/.a%2Fb.c");
    expect(await inPath("matrix", false)).toBe("/it/;p=a%2Fb,c");
    expect(await inPath("matrix", true)).toBe("/it/;p=a%2Fb;p=c");
    const header = parameter({ argument: "p", wire: "X-P", in: "header" });
    const api = await open([header], { p: list });
    await api.call("it", { p: ["a", "b c"] });
    expect(api.server.seen[0]?.headers["x-p"]).toBe("a,b c");
  });

  test("whole numbers beyond 2^53 keep their digits", async () => {
    const rawJson = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
    const api = await open([parameter({ argument: "id" })], { id: { type: "integer" } });
    await api.call("it", { id: rawJson("9007199254740993") });
    expect(api.server.seen[0]?.url).toBe("/it?id=9007199254740993");
  });
});

describe("F10 hostile arguments", () => {
  const path = parameter({ argument: "id", in: "path", required: true });

  test("F10 no value of a path leads out of its segment", async () => {
    const api = await open([path], {}, { path: "/users/{id}/keys" }, { prefix: "/v1" });
    for (
      const id of [
        "..",
        ".",
        "",
        "../admin",
        "a/..;v=1/..;/b",
        "..%00.json",
        ".. ",
        "..\\admin",
        "%2e%2e",
        "%2e%2e%2fadmin",
        "%252e%252e",
        ".%2e/x",
        "a/../../b",
      ]
    ) {
      expect(await api.refuse("it", { id })).toContain('argument "id"');
    }
    const harmless: [string, string][] = [
      ["//evil.example", "%2F%2Fevil.example"],
      ["http://evil.example/", "http%3A%2F%2Fevil.example%2F"],
      ["a?admin=1#x", "a%3Fadmin%3D1%23x"],
      ["@evil.example", "%40evil.example"],
      ["a\r\nhost: evil", "a%0D%0Ahost%3A%20evil"],
      ["...", "..."],
      [".. and so on", "..%20and%20so%20on"],
      ["\u202e\u0000", "%E2%80%AE%00"],
    ];
    for (const [id, written] of harmless) {
      await api.call("it", { id });
      expect(api.server.seen.at(-1)?.url).toBe(`/v1/users/${written}/keys`);
    }
    expect(await api.refuse("it", { id: "\ud800" })).toContain("half of a character");
  });

  test("F10 two values that make dots together are refused, and a base that is not a folder is kept", async () => {
    const two = [path, parameter({ argument: "ext", in: "path", required: true })];
    const api = await open(two, {}, { path: "/{id}{ext}/x" }, { prefix: "/v1" });
    expect(await api.refuse("it", { id: ".", ext: "." })).toContain('"id", "ext"');
    const outside = await open([], {}, { path: "2/it" }, { prefix: "/v1" });
    expect(await outside.refuse("it")).toContain("not within");
    const odd = await open([], {}, { path: "/it?admin=1#x" });
    await odd.call("it");
    expect(odd.server.seen[0]?.url).toBe("/it%3Fadmin=1%23x");
  });

  test("F10 a path that leads out of the base is refused, without the key that the base may hold", async () => {
    const key = "bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
    const api = await open([], {}, { path: "/../it" }, { prefix: `/${key}` });
    const sentence = await api.refuse("it");
    expect(sentence).toContain(`is not within "${api.server.origin}/…"`);
    expect(sentence).not.toContain(key);
  });

  test("F10 no value of the query adds a parameter", async () => {
    const object = parameter({ argument: "f" });
    const api = await open([parameter({ argument: "q" }), object], {
      f: { type: "object", properties: { a: { type: "string" } } },
    });
    await api.call("it", { q: "x&role=admin#y" });
    expect(api.server.seen[0]?.url).toBe("/it?q=x%26role%3Dadmin%23y");
    expect(await api.refuse("it", { f: { a: "1", role: "admin" } })).toContain('"role"');
  });

  test("F10 a header's value is one line, and never one of ours", async () => {
    const header = (argument: string, wire: string) => parameter({ argument, wire, in: "header" });
    const api = await open(
      [
        header("trace", "X-Trace"),
        header("auth", "Authorization"),
        header("host", "Host"),
        header("tenant", "X-Tenant"),
      ],
      {},
      {},
      { config: { headers: { "x-tenant": "ours" } } },
    );
    for (const trace of ["a\r\nx-evil: 1", "a\nb", "a\u0000", "snow \u2603", "a\u0085b"]) {
      expect(await api.refuse("it", { trace })).toContain('argument "trace"');
    }
    const [tool] = api.engine.tools as { inputSchema: { properties: JsonObject } }[];
    expect(Object.keys(tool?.inputSchema.properties ?? {})).toEqual(["trace", "skip"]);
    for (const given of [{ auth: "Bearer evil" }, { host: "evil" }, { tenant: "theirs" }]) {
      expect(await api.refuse("it", given)).toContain("There is no argument");
    }
    await api.call("it", { trace: "é" });
    expect(api.server.seen[0]?.headers["x-tenant"]).toBe("ours");
    expect(api.server.seen[0]?.headers.authorization).toBe(undefined);
  });

  test("F10 no argument takes the place of a credential", async () => {
    const placed = async (place: "query" | "header" | "cookie") => {
      const api = await open(
        [parameter({ argument: "key", in: place, style: "form" })],
        {},
        {},
        { config: { credentials: { type: "api_key", in: place, name: "key", key: "real" } } },
      );
      await api.call("it", { key: "theirs" });
      return api.server.seen[0];
    };
    expect((await placed("query"))?.url).toBe("/it?key=real");
    expect((await placed("header"))?.headers["key"]).toBe("real");
    expect((await placed("cookie"))?.headers.cookie).toBe("key=real");
  });

  test("F10 nor does a member of one that is written as parameters", async () => {
    const schemas = {
      filter: { type: "object", properties: { key: { type: "string" }, q: { type: "string" } } },
    };
    const given = { filter: { key: "theirs", q: "x" } };
    for (const place of ["query", "cookie"] as const) {
      const filter = parameter({ argument: "filter", in: place, style: "form", explode: true });
      const api = await open([filter], schemas, {}, {
        config: { credentials: { type: "api_key", in: place, name: "key", key: "real" } },
      });
      await api.call("it", given);
      const [seen] = api.server.seen;
      expect(place === "query" ? seen?.url : seen?.headers.cookie)
        .toBe(place === "query" ? "/it?q=x&key=real" : "q=x; key=real");
    }
  });

  test("F10 cookies of the configuration stay, beside those of arguments and credentials", async () => {
    const config = {
      headers: { cookie: "team=blue; flag" },
      credentials: { type: "api_key", in: "cookie", name: "key", key: "real" },
    } as const;
    const cookieOf = async (argument: string) => {
      const api = await open([parameter({ argument, in: "cookie" })], {}, {}, { config });
      const refused = (await api.call("it", { [argument]: "theirs" })).isError === true;
      if (refused) await api.call("it");
      return [refused, api.server.seen[0]?.headers.cookie];
    };
    expect(await cookieOf("theme")).toEqual([false, "team=blue; flag; theme=theirs; key=real"]);
    expect(await cookieOf("team")).toEqual([true, "team=blue; flag; key=real"]);
    expect(await cookieOf("flag")).toEqual([true, "team=blue; flag; key=real"]);
  });

  test("arguments that make a URL too long are refused with its length", async () => {
    const api = await open([parameter({ argument: "q" })], {}, {}, {
      limits: { restUrlCharsMax: 100 },
    });
    expect(await api.refuse("it", { q: "x".repeat(100) })).toContain("100 are the most");
  });
});

describe("bodies", () => {
  /** The body of `it` for these arguments, and its type. */
  const bodyOf = async (body: Operation["body"], schemas: JsonObject, given: JsonObject) => {
    const api = await open([], schemas, { method: "POST", body, repeatable: false });
    await api.call("it", given);
    const { headers, body: text } = api.server.seen[0] ?? { headers: {}, body: "" };
    return { type: headers["content-type"], text };
  };
  const members = { to: "to", text: "msg" };
  const texts = { to: { type: "string" }, text: { type: "string" } };

  test("JSON of members, with defaults, or of one argument that is the whole", async () => {
    const plan = { mediaType: "application/json", required: true, members, defaults: { kind: 1 } };
    expect(await bodyOf(plan, texts, { to: "a", text: '"}' })).toEqual({
      type: "application/json",
      text: '{"kind":1,"to":"a","msg":"\\"}"}',
    });
    expect(
      await bodyOf(
        {
          mediaType: "application/merge-patch+json",
          required: false,
          argument: "body",
          members: {},
          defaults: {},
        },
        { body: { type: "array" } },
        { body: [1, { a: null }] },
      ),
    ).toEqual({ type: "application/merge-patch+json", text: '[1,{"a":null}]' });
  });

  test("no body where none is needed and nothing is given", async () => {
    const plan = { mediaType: "application/json", required: false, members, defaults: {} };
    expect(await bodyOf(plan, texts, {})).toEqual({ type: undefined, text: "" });
  });

  test("a form's values cannot add fields", async () => {
    const plan = {
      mediaType: "application/x-www-form-urlencoded",
      required: true,
      members,
      defaults: {},
    };
    expect((await bodyOf(plan, texts, { to: "a&role=admin", text: "b c" })).text)
      .toBe("to=a%26role%3Dadmin&msg=b+c");
  });

  test("parts can be read by other programs", async () => {
    const plan = {
      mediaType: "multipart/form-data",
      required: true,
      members: { to: 'to"\r\nx: y', text: "msg" },
      defaults: {},
    };
    const { type = "", text } = await bodyOf(plan, texts, { to: "a\r\n--b", text: "ü" });
    const form = await new Response(text, { headers: { "content-type": type } }).formData();
    expect([...form.values()]).toEqual(["a\r\n--b", "ü"]);
    expect(form.get("msg")).toBe("ü");
  });

  test("plain text is sent as it is", async () => {
    const plan = {
      mediaType: "text/markdown",
      required: true,
      argument: "text",
      members: {},
      defaults: {},
    };
    expect(await bodyOf(plan, { text: { type: "string" } }, { text: "# ü" })).toEqual({
      type: "text/markdown; charset=utf-8",
      text: "# ü",
    });
  });
});
