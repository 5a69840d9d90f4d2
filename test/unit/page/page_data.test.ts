/** What the page knows: events and answers merged, its address, its event streams, and its charts. */
import { describe, expect, test } from "bun:test";
import { entryOf } from "../../../src/page/new_entry.js";
import { bounds } from "../../../src/page/bounds.js";
import { filled } from "../../../src/page/uri_template.js";
import { argumentHeaders, headerText } from "../../../src/page/mcp_headers.js";
import { codeOf, linkTo, routeOf } from "../../../src/page/router.js";
import { sparkline } from "../../../src/page/sparkline.js";
import { createEventReader } from "../../../src/page/sse.js";
import {
  type CallRow,
  emptyData,
  mergedCalls,
  mergedLog,
  tallyOf,
  withEvent,
} from "../../../src/page/state.js";
import { decodeHeaderValue } from "../../../src/protocol/modern/header_values.ts";
import { checkParamHeaders } from "../../../src/protocol/modern/tool_headers.ts";

const call = (number: number, more: Partial<CallRow> = {}): CallRow => ({
  call: number,
  at: number,
  surface: "/",
  method: "tools/call",
  client: "test",
  principal: "ann",
  ...more,
});
const record = (message: string) => ({ time: "t", level: "info", source: "s", message });

describe("calls", () => {
  const after = (...events: readonly CallRow[]) =>
    events.reduce((data, row) => withEvent(data, { type: "call", call: row }), emptyData()).calls;

  test("appear once, and get their outcome when they end", () => {
    expect(after(call(1), call(2), call(1, { ms: 5, outcome: "ok" }))).toEqual([
      call(1, { ms: 5, outcome: "ok" }),
      call(2),
    ]);
  });

  test("are kept within their bound, the latest last", () => {
    const many = after(...Array.from({ length: bounds.callsMax + 20 }, (_, index) => call(index)));
    expect([many?.length, many?.[0]?.call, many?.at(-1)?.call]).toEqual([
      bounds.callsMax,
      20,
      bounds.callsMax + 19,
    ]);
  });

  test("that ended while the list was fetched are not shown as running", () => {
    const ended = call(1, { ms: 5, outcome: "ok" });
    expect(mergedCalls([call(1), call(2)], [ended, call(3)])).toEqual([ended, call(2), call(3)]);
    expect(mergedCalls([ended], [call(1)])).toEqual([ended]);
  });
});

test("a record of the log that was streamed and fetched is shown once", () => {
  const [a, b, c] = [record("a"), record("b"), record("c")];
  expect(mergedLog([a, b], [b, c])).toEqual([a, b, c]);
});

test("events of other types change nothing", () => {
  const data = emptyData();
  expect(withEvent(data, { type: "news" })).toBe(data);
  expect(withEvent(data, { type: "servers" })).toBe(data);
});

test("servers are counted by what a person has to do", () => {
  const servers = ["running", "idle", "failing", "crash_loop", "needs_login", "disabled"];
  expect(tallyOf(servers.map((state) => ({ state })) as never)).toEqual({
    working: 2,
    failing: 2,
    waiting: 1,
    disabled: 1,
  });
});

describe("the address", () => {
  test("names a view, and what is open in it", () => {
    const link = linkTo(["servers", "a/b", "tools", "say hi?"], { text: "x&y" });
    expect(routeOf(link)).toEqual({
      parts: ["servers", "a/b", "tools", "say hi?"],
      params: { text: "x&y" },
    });
    expect([routeOf(""), routeOf("#main"), routeOf("#code=abc")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(routeOf("#/a%zz")?.parts).toEqual(["a%zz"]);
  });

  test("of a one-time link has a code, and nothing else has", () => {
    expect(codeOf("#code=aB3-_x")).toBe("aB3-_x");
    for (const other of ["#/code=a", "#code=", "#code=<b>", "#code=a&b=c"]) {
      expect(codeOf(other)).toBe(undefined);
    }
  });
});

describe("an event stream", () => {
  test("gives each event once, however its bytes are cut", () => {
    const text = ': hi\n\ndata: {"a":1}\n\nevent: x\r\ndata: b\r\ndata: c\r\n\r\ndata:d\n\n';
    for (let length = 1; length < 9; length += 1) {
      const take = createEventReader();
      const found: string[] = [];
      for (let at = 0; at < text.length; at += length) {
        found.push(...take(text.slice(at, at + length)));
      }
      expect(found).toEqual(['{"a":1}', "b\nc", "d"]);
    }
  });

  test("gives up an event beyond its bound", () => {
    const take = createEventReader();
    const piece = "x".repeat(1_000_000);
    expect(() => {
      for (let count = 0; count < 30; count += 1) take(piece);
    }).toThrow("too long");
  });

  test("counts all lines of an event that never ends", () => {
    const take = createEventReader();
    const lines = `data: ${"x".repeat(1_000_000)}\n`;
    const all = () => Array.from({ length: 25 }, () => take(lines));
    expect(all).toThrow("An event of the stream is too long");
    const next = createEventReader();
    expect(Array.from({ length: 25 }, () => next(`${lines}\n`)).flat().length).toBe(25);
  });

  test("looks at each piece of a long line once", () => {
    const take = createEventReader();
    let looked = 0;
    const split = String.prototype.split;
    String.prototype.split = function (this: string, ...args: Parameters<typeof split>) {
      looked += this.length;
      return split.apply(this, args);
    } as typeof split;
    try {
      for (let piece = 0; piece < 500; piece += 1) {
        take(piece === 0 ? "data: a" : "a".repeat(1_000));
      }
      expect(take("\r\n\r\n")[0]?.length).toBe(499_001);
    } finally {
      String.prototype.split = split;
    }
    expect(looked).toBeLessThan(1_000_000);
  });
});

describe("headers that repeat a request", () => {
  test("can be read by the gateway, whatever the text", () => {
    for (
      const text of ["plain", "two words", " edge ", "naïve", "日本", "=?base64?a?=", "a\nb", ""]
    ) {
      const sent = new Headers({ x: headerText(text) }).get("x") ?? "";
      expect(decodeHeaderValue(sent)).toBe(text);
    }
  });

  test("match the arguments that a tool marks", () => {
    const schema = {
      type: "object",
      properties: {
        region: { type: "string", "x-mcp-header": "Region" },
        part: {
          type: "object",
          properties: { size: { type: "integer", "x-mcp-header": "Size" } },
        },
        free: { type: "string" },
      },
    };
    const args = { region: "Zürich", part: { size: 3 }, free: "x" };
    const headers = argumentHeaders(schema, args);
    expect(checkParamHeaders(schema, args, new Headers(headers))).toBe(undefined);
    expect(Object.keys(headers)).toEqual(["mcp-param-Region", "mcp-param-Size"]);
    expect(argumentHeaders(schema, {})).toEqual({});
  });
});

describe("a chart", () => {
  test("connects minutes that follow each other, and leaves gaps", () => {
    const { path, dots, latest, highest, last } = sparkline([2, 4, null, 3, null, 4, 2], 62, 22);
    expect(path.match(/M/g)?.length).toBe(2);
    expect(dots).toEqual([[31, 11]]);
    expect([latest, highest, last]).toEqual([2, 4, [60, 20]]);
  });

  test("of equal values is a line in the middle, and of none is empty", () => {
    expect(sparkline([5, 5], 62, 22).path).toBe("M2 11L60 11");
    expect(sparkline([0, 0], 62, 22).path).toBe("M2 11L60 11");
    expect(sparkline([null, null], 62, 22)).toMatchObject({
      path: "",
      dots: [],
      latest: undefined,
    });
  });

  test("does not make much of small differences", () => {
    const ys = [...sparkline([100, 101], 62, 22).path.matchAll(/ ([\d.]+)/g)].map(([, y]) =>
      Number(y)
    );
    expect(ys.length).toBe(2);
    expect(Math.abs((ys[0] ?? 0) - (ys[1] ?? 0))).toBeLessThan(2);
  });
});

describe("a new server", () => {
  const empty = {
    form: "program",
    command: "",
    args: "",
    env: "",
    url: "",
    headers: "",
    json: "",
  } as const;

  test("is an entry as in mcp.json", () => {
    expect(entryOf({ ...empty, command: " npx ", args: "-y\n\nsome server\n", env: "A=b=c" }))
      .toEqual({ command: "npx", args: ["-y", "some server"], env: { A: "b=c" } });
    expect(
      entryOf({ ...empty, form: "url", url: "https://x.example/mcp", headers: "X-Team: blue" }),
    )
      .toEqual({ url: "https://x.example/mcp", headers: { "X-Team": "blue" } });
    expect(entryOf({ ...empty, form: "json", json: '{"recipe": "coingecko"}' }))
      .toEqual({ recipe: "coingecko" });
  });

  test("that is not complete says what is missing", () => {
    expect(() => entryOf(empty)).toThrow("Give the program");
    expect(() => entryOf({ ...empty, form: "url" })).toThrow("Give the URL");
    expect(() => entryOf({ ...empty, form: "json", json: "{" })).toThrow("not JSON");
    expect(() => entryOf({ ...empty, command: "a", env: "=x" })).toThrow("NAME=value");
  });
});

test("a URI template is filled in by its operators", () => {
  expect(filled("file:///{name}.txt", { name: "a b/c" })).toBe("file:///a%20b%2Fc.txt");
  expect(filled("x://{+path}{?q,lang}", { path: "a/b", q: "1&2", lang: "de" })).toBe(
    "x://a/b?q=1%262&lang=de",
  );
  expect(filled("x://{/a,b}{?q}", { a: "1", b: "2" })).toBe("x:///1/2");
});
