/**
 * Results that are longer than their clients take: the shortened result, reading the whole in parts,
 * who may, for how long, and how much is kept.
 */
import { describe, expect, test } from "bun:test";
import { resultExchange, settledExchange } from "../../../src/gateway/exchange.ts";
import type { Gateway } from "../../../src/gateway/surface.ts";
import type { Caller, Ending, JsonObject } from "../../../src/model.ts";
import { keepSourceText, textOfValue } from "../../../src/source_text.ts";
import type { ResultCutEvent } from "../../../src/telemetry/client_events.ts";
import type { GatewayEvent } from "../../../src/telemetry/events.ts";
import { noteWhole } from "../../../src/whole_result.ts";
import { createTestClock } from "../../support/clock.ts";
import {
  coreConfig,
  type CoreOptions,
  createCoreGateway,
  endOf,
  sessionCaller,
  statelessCaller,
} from "../../support/core_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";

const charsMax = 10_000;
const hour = 3_600_000;
const lines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n}\n`).join("");
const text = (value: string) => ({ type: "text", text: value });

const plain = { name: "give", inputSchema: { type: "object" } };
const withSchema = { ...plain, name: "give_rows", outputSchema: { type: "object" } };
const withPage = { ...plain, name: "show", _meta: { ui: { resourceUri: "ui://rows" } } };
const generous = { ...plain, name: "dump", _meta: { "anthropic/maxResultSizeChars": 90_000 } };

/** A server whose tools give what the test says. */
function serverOf(name: string, given: () => JsonObject): FakeUpstream {
  const fake = createFakeUpstream(name, { tools: [plain, withSchema, withPage, generous] });
  fake.reply = () => resultExchange(given());
  return fake;
}

interface Opened {
  readonly gateway: Gateway;
  readonly events: readonly ResultCutEvent[];
  call(caller: Caller, tool?: string): Promise<JsonObject>;
  read(caller: Caller, uri: unknown, surface?: string): Promise<JsonObject>;
  refusal(caller: Caller, uri: unknown, surface?: string): Promise<string>;
}

async function open(given: () => JsonObject, options: CoreOptions = {}): Promise<Opened> {
  const events: ResultCutEvent[] = [];
  const keep = (event: GatewayEvent) => void (event.type === "result_cut" && events.push(event));
  const gateway = await createCoreGateway(
    [serverOf("one", given), serverOf("two", given)],
    { bounds: { resultCharsMax: charsMax }, observe: keep, ...options },
  );
  const valueOf = (end: Ending): JsonObject => {
    if (end.kind !== "result") throw new Error(`No result: ${JSON.stringify(end)}`);
    return end.value;
  };
  const reading = (caller: Caller, uri: unknown, surface = "/mcp") =>
    endOf(gateway, caller, "resources/read", { uri }, undefined, surface);
  return {
    gateway,
    events,
    call: async (caller, tool = "give") =>
      valueOf(await endOf(gateway, caller, "tools/call", { name: `one__${tool}` })),
    read: async (caller, uri, surface) => valueOf(await reading(caller, uri, surface)),
    async refusal(caller, uri, surface) {
      const end = await reading(caller, uri, surface);
      if (end.kind !== "failure") throw new Error(`It was read: ${JSON.stringify(end)}`);
      const { code, message, data } = end.error;
      expect([code, data?.["uri"]]).toEqual(["resource_not_found", uri]);
      return message.replace(String(uri), "URI");
    },
  };
}

const blocksOf = (value: JsonObject) => value["content"] as JsonObject[];
const linkIn = (value: JsonObject) =>
  blocksOf(value).find((block) => block["type"] === "resource_link") ?? {};
const contentsOf = (value: JsonObject) => value["contents"] as JsonObject[];

/** All texts of a kept result, read on from part to part as its notes say. */
async function readOn({ read }: Opened, caller: Caller, first: unknown): Promise<string[]> {
  const texts: string[] = [];
  let uri: unknown = first;
  while (uri !== undefined) {
    const part = await read(caller, uri);
    const note = String(contentsOf(part).at(-1)?.["text"]);
    const isNote = note.startsWith("[This is");
    texts.push(
      contentsOf(part).slice(0, isNote ? -1 : undefined).map((one) => one["text"]).join(""),
    );
    const next = /The next part is the resource (\S+)\.\]$/.exec(note)?.[1];
    expect((part["_meta"] as JsonObject | undefined)?.["mcp-wrapper/next"]).toBe(next);
    uri = next;
  }
  return texts;
}

const callers: readonly (readonly [string, Caller, Caller])[] = [
  ["a session", sessionCaller("a"), sessionCaller("b")],
  ["a principal without a session", statelessCaller("ann"), statelessCaller("ben")],
];

for (const [who, own, foreign] of callers) {
  describe(who, () => {
    test("gets the beginning of a long text, a note, a link, and reads on to the end", async () => {
      const whole = lines(20_000);
      const opened = await open(() => ({ content: [text(whole)] }));
      const value = await opened.call(own);
      const [{ text: beginning }, { text: note }, link] = blocksOf(value) as [
        { text: string },
        { text: string },
        JsonObject,
      ];
      expect(whole.startsWith(beginning) && beginning.endsWith("\n")).toBe(true);
      expect(JSON.stringify(value).length <= charsMax + 2 * 1_200).toBe(true);
      expect(String(link["uri"])).toMatch(/^mcp-wrapper-result:[0-9a-f]{32}$/);
      expect(link).toMatchObject({ mimeType: "text/plain", size: whole.length });
      expect(note).toContain(`It goes on in the resource ${link["uri"]}?part=2`);
      expect(note).toContain("call the tool again and ask for less");
      expect(value["_meta"]).toEqual({ "mcp-wrapper/whole": link["uri"] });
      const parts = await readOn(opened, own, link["uri"]);
      expect(parts.join("")).toBe(whole);
      expect(parts[0]).toBe(beginning);
      for (const part of parts) expect(part.length <= charsMax).toBe(true);
      expect(opened.events).toMatchObject([
        { server: "one", item: "one__give", keptChars: JSON.stringify(value).length },
      ]);
    });

    test("alone can read it; to others it looks like one that never was", async () => {
      const opened = await open(() => ({ content: [text(lines(9_000))] }));
      const uri = linkIn(await opened.call(own))["uri"];
      await opened.read(own, uri);
      const unknown = await opened.refusal(own, `mcp-wrapper-result:${"0".repeat(32)}`);
      expect(unknown).toContain("has expired or is unknown");
      expect(await opened.refusal(foreign, uri)).toBe(unknown);
      expect(await opened.refusal(foreign, `${uri}?part=2`)).toBe(unknown);
      // It belongs to its surface, too, even if a server there would take the URI.
      expect(await opened.refusal(own, uri, "/servers/one")).toBe(unknown);
      expect(await opened.refusal(own, "mcp-wrapper-result:")).toBe(unknown);
      expect(await opened.refusal(own, `${uri}?part=99`)).toMatch(/the result has \d+ parts/);
      for (const other of ["?part=0", "?part=x", "?from=2", "?part=1&b"]) {
        expect(await opened.refusal(own, `${uri}${other}`)).toBe(unknown);
      }
    });

    test("reads it for an hour, however often, and no longer", async () => {
      const clock = createTestClock();
      const opened = await open(() => ({ content: [text(lines(9_000))] }), { clock });
      const uri = linkIn(await opened.call(own))["uri"];
      clock.advance(hour - 1);
      await opened.read(own, uri);
      await opened.read(own, uri);
      clock.advance(1);
      await opened.refusal(own, uri);
    });

    test("loses it with the right to the tool, or to the server", async () => {
      const denied = new Set<string>();
      const opened = await open(() => ({ content: [text(lines(9_000))] }), {
        policy: (_principal, server, item) =>
          denied.has(server) || denied.has(`${server} ${item?.own}`) ? "deny" : "allow",
      });
      const uri = linkIn(await opened.call(own))["uri"];
      for (const lost of ["one give", "one"]) {
        denied.add(lost);
        await opened.refusal(own, uri);
        denied.clear();
        await opened.read(own, uri);
      }
      await opened.gateway.reconfigure(coreConfig([createFakeUpstream("two")]));
      await opened.refusal(own, uri);
    });

    test("cannot subscribe to it, and does not find it in a list", async () => {
      const opened = await open(() => ({ content: [text(lines(9_000))] }));
      const uri = linkIn(await opened.call(own))["uri"];
      const methods = ["resources/subscribe", "resources/unsubscribe", "skills/get"];
      for (const method of methods) {
        expect((await endOf(opened.gateway, own, method, { uri })).kind).toBe("failure");
      }
      for (const method of ["resources/list", "resources/templates/list"]) {
        const end = await endOf(opened.gateway, own, method);
        expect(JSON.stringify(end)).not.toContain("mcp-wrapper-result");
        expect(end.kind).toBe("result");
      }
      const { capabilities } = await opened.gateway.describe("/mcp", own);
      expect(capabilities["resources"]).toEqual({});
      expect(await opened.gateway.serves("/mcp", own, "resources")).toBe(true);
    });
  });
}

test("what a session could read is forgotten with it", async () => {
  const opened = await open(() => ({ content: [text(lines(9_000))] }));
  const [ann, ben] = [sessionCaller("a"), sessionCaller("b")];
  const [first, second] = [await opened.call(ann), await opened.call(ben)].map(linkIn);
  opened.gateway.endScope("a");
  await opened.refusal(ann, first?.["uri"]);
  await opened.read(ben, second?.["uri"]);
});

describe("how much is kept", () => {
  const uriOf = async (opened: Opened, caller: Caller) => linkIn(await opened.call(caller))["uri"];
  let count = 0;
  const next = () => ({ content: [text(`${count += 1}\n${"x".repeat(20_000)}`)] });

  test("is bounded for each principal: its oldest result gives way, and no other's", async () => {
    const limits = { keptResultsPerPrincipalMax: 2 };
    const opened = await open(next, { limits });
    const [ann, ben] = [statelessCaller("ann"), statelessCaller("ben")];
    const ofBen = await uriOf(opened, ben);
    const [one, two, three] = [
      await uriOf(opened, ann),
      await uriOf(opened, ann),
      await uriOf(opened, ann),
    ];
    await opened.refusal(ann, one);
    for (const uri of [two, three]) await opened.read(ann, uri);
    await opened.read(ben, ofBen);
  });

  test("is bounded in characters, for each principal and for all", async () => {
    const bounds = [{ keptCharsPerPrincipalMax: 50_000 }, { keptCharsMax: 50_000 }];
    for (const limits of bounds) {
      const opened = await open(next, { limits });
      const ann = statelessCaller("ann");
      const uris = [];
      for (let n = 0; n < 4; n += 1) uris.push(await uriOf(opened, ann));
      for (const uri of uris.slice(0, 2)) await opened.refusal(ann, uri);
      for (const uri of uris.slice(2)) await opened.read(ann, uri);
    }
  });

  test("is bounded in number for all", async () => {
    const opened = await open(next, { limits: { keptResultsMax: 2 } });
    const people = ["a", "b", "c"].map((id) => statelessCaller(id));
    const uris = [];
    for (const one of people) uris.push(await uriOf(opened, one));
    await opened.refusal(people[0] as Caller, uris[0]);
    await opened.read(people[1] as Caller, uris[1]);
    await opened.read(people[2] as Caller, uris[2]);
  });

  test("is bounded for all at the cost of the principal that keeps most", async () => {
    for (const limits of [{ keptResultsMax: 3 }, { keptCharsMax: 70_000 }]) {
      const opened = await open(next, { limits });
      const [ann, ben] = [statelessCaller("ann"), statelessCaller("ben")];
      const ofBen = await uriOf(opened, ben);
      const ofAnn = [];
      for (let n = 0; n < 5; n += 1) ofAnn.push(await uriOf(opened, ann));
      await opened.read(ben, ofBen);
      await opened.refusal(ann, ofAnn[0]);
      await opened.read(ann, ofAnn.at(-1));
    }
  });

  test("does not grow by the same result again", async () => {
    const opened = await open(() => ({ content: [text(lines(9_000))] }), {
      limits: { keptResultsPerPrincipalMax: 2 },
    });
    const own = sessionCaller();
    const uri = await uriOf(opened, own);
    for (let n = 0; n < 5; n += 1) expect(await uriOf(opened, own)).toBe(uri);
    // Another session has one of its own.
    expect(await uriOf(opened, sessionCaller("other")) === uri).toBe(false);
  });

  test("has nothing of a result that is too large: it says so, and has no link", async () => {
    const opened = await open(next, { limits: { keptResultCharsMax: 9_000 } });
    const value = await opened.call(sessionCaller());
    expect(linkIn(value)).toEqual({});
    expect(blocksOf(value)[1]?.["text"]).toContain("The whole is too large to be kept");
  });

  test("takes no time from a gateway that stops", async () => {
    const clock = createTestClock();
    const opened = await open(next, { clock });
    const uri = await uriOf(opened, sessionCaller());
    await opened.gateway.close();
    await opened.refusal(sessionCaller(), uri);
  });
});

describe("which results are shortened", () => {
  const whole = lines(9_000);
  const give = () => ({ content: [text(whole)] });
  const named = (name: string): Caller => ({ ...sessionCaller(), clientInfo: { name } });
  const lengthOf = async (options: CoreOptions, caller: Caller, tool?: string) =>
    String(blocksOf(await (await open(give, options)).call(caller, tool))[0]?.["text"]).length;

  test("those of clients with a limit, and those of a gateway or server with one", async () => {
    const all = whole.length;
    const nothing = { bounds: {} };
    expect(await lengthOf(nothing, named("my-agent"))).toBe(all);
    expect(await lengthOf(nothing, named("claude-code")) <= 50_000).toBe(true);
    expect(await lengthOf({ bounds: { resultCharsMax: 20_000 } }, named("a")) <= 20_000).toBe(true);
    const both = { bounds: { resultCharsMax: 20_000 }, resultChars: { one: 5_000 } };
    expect(await lengthOf(both, named("a")) <= 5_000).toBe(true);
    // A server's own word counts more than the gateway's, and no word more than the client's limit.
    const wide = { bounds: { resultCharsMax: 5_000 }, resultChars: { one: 90_000 } };
    expect(await lengthOf(wide, named("a"))).toBe(all);
    expect(await lengthOf(wide, named("claude-code")) <= 50_000).toBe(true);
  });

  test("not those of a tool that says itself that its client may have more", async () => {
    expect(await lengthOf({ bounds: {} }, named("claude-code"), "dump")).toBe(whole.length);
    // Other clients do not know that key, and the operator's word counts.
    expect(await lengthOf({ bounds: {} }, named("codex"), "dump") <= 40_000).toBe(true);
    const clientLimits = { "claude-code": { resultCharsMax: 30_000 } };
    expect(await lengthOf({ bounds: { clientLimits } }, named("claude-code"), "dump") <= 30_000)
      .toBe(true);
    const bounds = { resultCharsMax: 20_000 };
    expect(await lengthOf({ bounds }, named("claude-code"), "dump") <= 20_000).toBe(true);
  });

  test("a result within the limit passes as the text that it came as", async () => {
    const value: JsonObject = { content: [text("x".repeat(4_000))] };
    const spelled = `{"content": [{"type": "text", "text": "${"x".repeat(4_000)}"}]}`;
    keepSourceText(value, spelled);
    const opened = await open(() => value);
    const got = await opened.call(sessionCaller());
    expect(got).toBe(value);
    expect(textOfValue(got)).toBe(spelled);
    expect(opened.events).toEqual([]);
  });

  test("those that are errors, too", async () => {
    const opened = await open(() => ({ content: [text(whole)], isError: true }));
    const value = await opened.call(sessionCaller());
    expect(value["isError"]).toBe(true);
    expect(linkIn(value)["uri"]).toBeDefined();
  });
});

describe("structured content", () => {
  const structuredContent = { rows: Array.from({ length: 3_000 }, (_, n) => ({ n })) };
  const give = () => ({ content: [text(JSON.stringify(structuredContent))], structuredContent });

  test("of a tool with an output schema or a page of its own stays whole", async () => {
    const opened = await open(give);
    for (const tool of ["give_rows", "show"]) {
      const value = await opened.call(sessionCaller(), tool);
      expect(value["structuredContent"]).toEqual(structuredContent);
      expect(String(blocksOf(value)[0]?.["text"]).length <= charsMax).toBe(true);
    }
  });

  test("of another tool is cut where its lists allow", async () => {
    const opened = await open(give);
    const value = await opened.call(sessionCaller());
    const { rows } = value["structuredContent"] as { rows: unknown[] };
    expect(rows).toEqual(structuredContent.rows.slice(0, rows.length));
    const parts = await readOn(opened, sessionCaller(), linkIn(value)["uri"]);
    expect(JSON.parse(parts.join(""))).toEqual(structuredContent);
  });
});

describe("results of tasks", () => {
  const whole = lines(9_000);
  const result = { content: [text(whole)] };

  test("of a client with a session are shortened when it fetches them", async () => {
    const fake = createFakeUpstream("one", { tools: [plain] });
    fake.reply = ({ method }) =>
      resultExchange(
        method === "tools/call" ? { task: { taskId: "t", status: "working" } } : result,
      );
    const gateway = await createCoreGateway([fake], { bounds: { resultCharsMax: charsMax } });
    const own = sessionCaller();
    await endOf(gateway, own, "tools/call", { name: "one__give", task: {} });
    const end = await endOf(gateway, own, "tasks/result", { taskId: "t" });
    const { uri } = linkIn((end as { value: JsonObject }).value);
    expect((await endOf(gateway, own, "resources/read", { uri })).kind).toBe("result");
  });

  test("of a client without one are shortened in the state of the task, and kept once", async () => {
    const extension = "io.modelcontextprotocol/tasks";
    const fake = createFakeUpstream("one", { tools: [plain] });
    fake.capabilities = { ...fake.capabilities, extensions: { [extension]: {} } };
    fake.reply = ({ method }) =>
      settledExchange({
        kind: "result",
        value: method === "tools/call"
          ? { taskId: "t", status: "working" }
          : { taskId: "t", status: "completed", result },
        isTask: method === "tools/call",
      });
    const gateway = await createCoreGateway([fake], { bounds: { resultCharsMax: charsMax } });
    const ann: Caller = {
      ...statelessCaller("ann"),
      capabilities: { extensions: { [extension]: {} } },
    };
    const made = await endOf(gateway, ann, "tools/call", { name: "one__give" });
    const { taskId } = (made as { value: JsonObject }).value;
    const links = [];
    for (let n = 0; n < 2; n += 1) {
      const end = await endOf(gateway, ann, "tasks/get", { taskId });
      const { value } = end as { value: JsonObject };
      expect(value).toMatchObject({ taskId, status: "completed" });
      links.push(linkIn(value["result"] as JsonObject)["uri"]);
    }
    expect(links[0]).toMatch(/^mcp-wrapper-result:/);
    expect(links[1]).toBe(links[0]);
  });
});

test("images that are too large give way to links, at which they can be read", async () => {
  const data = btoa("image ".repeat(200_000));
  const image = { type: "image", mimeType: "image/png", data };
  const opened = await open(() => ({ content: [text("Two pictures"), image, text("end")] }));
  const value = await opened.call(sessionCaller());
  const [before, link, after] = blocksOf(value);
  expect([before, after]).toEqual([text("Two pictures"), text("end")]);
  expect(link).toMatchObject({ type: "resource_link", mimeType: "image/png", size: 1_200_000 });
  expect(contentsOf(await opened.read(sessionCaller(), link?.["uri"]))).toEqual([
    { uri: link?.["uri"], mimeType: "image/png", blob: data },
  ]);
});

test("a small image stays, though its Base64 is longer than the bound of texts", async () => {
  const image = { type: "image", mimeType: "image/png", data: "A".repeat(200_000) };
  const opened = await open(() => ({ content: [image] }));
  expect(blocksOf(await opened.call(sessionCaller()))).toEqual([image]);
});

test("what an upstream shortened itself gets the link to its whole", async () => {
  const whole = lines(9_000);
  const opened = await open(() => {
    const short = { content: [text("short")], structuredContent: { note: "Short." } };
    noteWhole(short, {
      text: whole,
      mimeType: "text/plain",
      noted: (sentence) => ({ ...short, structuredContent: { note: `Short. ${sentence}` } }),
    });
    return short;
  }, { bounds: {} });
  const value = await opened.call(sessionCaller());
  const { uri } = linkIn(value) as { uri: string };
  expect(value["structuredContent"]).toEqual({
    note: `Short. The whole answer is the resource ${uri} (2 parts).`,
  });
  expect((await readOn(opened, sessionCaller(), uri)).join("")).toBe(whole);
});
