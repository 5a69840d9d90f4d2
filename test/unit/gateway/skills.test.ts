/**
 * Skills of several servers behind one URL (SEP-2640): both skills of the same URI, whose a file is,
 * what a caller may not know, and servers that fail or hang.
 */
import { describe, expect, test } from "bun:test";
import { GatewayError } from "../../../src/errors.ts";
import type { Policy } from "../../../src/gateway/access_policy.ts";
import { failureExchange, resultExchange, settledExchange } from "../../../src/gateway/exchange.ts";
import { missingKey } from "../../../src/gateway/catalog.ts";
import type { Gateway } from "../../../src/gateway/surface.ts";
import type { Caller, JsonObject } from "../../../src/model.ts";
import {
  type CoreOptions,
  createCoreGateway,
  endOf,
  sessionCaller,
  statelessCaller,
} from "../../support/core_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";

const extension = "io.modelcontextprotocol/skills";
const digest = (of: string) => `sha256:${of.repeat(64).slice(0, 64)}`;

/** An entry whose digests tell whose it is. */
function skill(path: string, of: string, ...files: string[]): JsonObject {
  const name = path.split("/").at(-1);
  return {
    uri: `skill://${path}/SKILL.md`,
    frontmatter: { name, description: `Of ${of}`, license: null, metadata: { author: of } },
    resources: ["SKILL.md", ...files].map((file) => ({
      uri: `skill://${path}/${file}`,
      digest: digest(of),
      size: 5,
    })),
  };
}

const notServed = { code: -32602, message: "Not served" };

/** A server of skills that also has some which it does not list; what it reads says whose it is. */
function skillServer(
  name: string,
  skills: readonly JsonObject[],
  unlisted: readonly JsonObject[] = [],
): FakeUpstream {
  const fake = createFakeUpstream(name, { skills: [...skills] });
  fake.capabilities = {
    resources: {},
    extensions: { [extension]: { directoryRead: name === "b" } },
  };
  fake.reply = ({ method, params: { uri } }) => {
    if (method === "resources/read") return resultExchange({ contents: [{ uri, text: name }] });
    if (method === "resources/directory/read") {
      return resultExchange({ resources: [{ uri: `${uri}/guide.md`, name: "guide.md" }] });
    }
    const found = [...fake.lists.skills ?? [], ...unlisted].find((one) => one["uri"] === uri);
    return found === undefined
      ? failureExchange(new GatewayError("upstream_error", "Not served", { upstream: notServed }))
      : resultExchange({ skill: found });
  };
  return fake;
}

async function ask(
  gateway: Gateway,
  method: string,
  params: JsonObject = {},
  caller: Caller = sessionCaller(),
  surface = "/mcp",
): Promise<JsonObject> {
  const ending = await endOf(gateway, caller, method, params, undefined, surface);
  if (ending.kind === "result") return ending.value;
  return { failure: ending.kind === "failure" ? ending.error.toRpc().code : ending };
}

const urisOf = ({ skills }: JsonObject): unknown[] =>
  (skills as JsonObject[]).map(({ uri }) => uri);

const refunds = "skill://refunds/SKILL.md";
const refundsOfB = "skill://mcp-wrapper/b/refunds/SKILL.md";

/** Two servers with a skill of the same URI, and one of its own each. */
const twins = async (options: CoreOptions = {}) => {
  const a = skillServer("a", [skill("refunds", "a", "guide.md"), skill("acme/a-only", "a")]);
  const b = skillServer("b", [skill("refunds", "b", "guide.md"), skill("b-only", "b")], [
    skill("hidden", "b", "more.md"),
  ]);
  return { a, b, gateway: await createCoreGateway([a, b], options) };
};

describe("skills of two servers behind one URL", () => {
  test("are listed together, to the letter, and two of the same URI are two", async () => {
    const { a, b, gateway } = await twins();
    for (const caller of [sessionCaller(), statelessCaller()]) {
      const { skills } = await ask(gateway, "skills/list", {}, caller);
      const [ofA, aOnly] = a.lists.skills ?? [];
      const [, bOnly] = b.lists.skills ?? [];
      const ofB = {
        ...skill("refunds", "b"),
        uri: refundsOfB,
        resources: ["SKILL.md", "guide.md"].map((file) => ({
          uri: `skill://mcp-wrapper/b/refunds/${file}`,
          digest: digest("b"),
          size: 5,
        })),
      };
      expect(skills).toEqual([ofA, aOnly, ofB, bOnly]);
    }
  });

  test("are each got and read under the URI that the list has", async () => {
    const { gateway } = await twins();
    const { skills } = await ask(gateway, "skills/list");
    for (const listed of skills as JsonObject[]) {
      const { uri, resources, frontmatter } = listed;
      expect(await ask(gateway, "skills/get", { uri })).toEqual({ skill: listed });
      const { author } = (frontmatter as { metadata: JsonObject }).metadata;
      for (const file of resources as JsonObject[]) {
        expect(await ask(gateway, "resources/read", { uri: file["uri"] })).toEqual({
          contents: [{ uri: file["uri"], text: author }],
        });
      }
    }
  });

  test("have the names that the list of resources gives their files", async () => {
    const { a, b, gateway } = await twins();
    a.lists.resources = [];
    b.lists.resources = [{ uri: refunds, name: "refunds" }, {
      uri: "skill://b-only/SKILL.md",
      name: "b-only",
    }];
    const { resources } = await ask(gateway, "resources/list");
    expect((resources as JsonObject[]).map(({ uri }) => uri)).toEqual([
      refundsOfB,
      "skill://b-only/SKILL.md",
    ]);
  });

  test("give way to a resource of an earlier server with the URI of one of their files", async () => {
    const { a, gateway } = await twins();
    a.lists.resources = [{ uri: "skill://b-only/SKILL.md", name: "note" }];
    const uri = "skill://mcp-wrapper/b/b-only/SKILL.md";
    expect(urisOf(await ask(gateway, "skills/list"))).toContain(uri);
    expect(await ask(gateway, "skills/get", { uri })).toMatchObject({ skill: { uri } });
    expect(await ask(gateway, "skills/get", { uri: "skill://b-only/SKILL.md" })).toEqual({
      failure: -32602,
    });
  });

  test("come back under the URI by which the client asked for them", async () => {
    const { gateway } = await twins();
    const uri = "skill://mcp-wrapper/b/b-only/SKILL.md";
    expect(await ask(gateway, "skills/get", { uri })).toMatchObject({
      skill: { uri, resources: [{ uri }] },
    });
  });

  test("are declared once, with the flag that one of them sets", async () => {
    const { gateway } = await twins();
    const { capabilities } = await gateway.describe("/mcp", sessionCaller());
    expect(capabilities["extensions"]).toEqual({ [extension]: { directoryRead: true } });
    const without = await createCoreGateway([createFakeUpstream("c", { tools: [] })]);
    const bare = await without.describe("/mcp", sessionCaller());
    expect(bare.capabilities["extensions"]).toBeUndefined();
  });

  test("come in pages, each once", async () => {
    const { gateway } = await twins({ limits: { pageItemsMax: 3 } });
    const first = await ask(gateway, "skills/list");
    const next = await ask(gateway, "skills/list", { cursor: first["nextCursor"] });
    expect([...urisOf(first), ...urisOf(next)]).toEqual([
      refunds,
      "skill://acme/a-only/SKILL.md",
      refundsOfB,
      "skill://b-only/SKILL.md",
    ]);
    expect(next["nextCursor"]).toBeUndefined();
    expect(await ask(gateway, "skills/list", { cursor: "own" })).toEqual({ failure: -32602 });
  });
});

describe("a skill that no list has", () => {
  const uri = "skill://hidden/SKILL.md";
  test("is got at the server that serves it, and its files are read there", async () => {
    const { gateway } = await twins();
    expect(await ask(gateway, "skills/get", { uri })).toMatchObject({ skill: { uri } });
    const file = "skill://hidden/more.md";
    expect(await ask(gateway, "resources/read", { uri: file })).toEqual({
      contents: [{ uri: file, text: "b" }],
    });
  });

  test("and that no server has is -32602; without a server of skills the method is unknown", async () => {
    const { gateway } = await twins();
    const nowhere = { uri: "skill://nowhere/SKILL.md" };
    expect(await ask(gateway, "skills/get", nowhere)).toEqual({ failure: -32602 });
    const fakes = ["c", "d"].map((name) => createFakeUpstream(name, { resources: [] }));
    const without = await createCoreGateway(fakes);
    for (const method of ["skills/list", "skills/get", "resources/directory/read"]) {
      expect(await ask(without, method, nowhere)).toEqual({ failure: -32601 });
    }
    expect(fakes.flatMap(({ opened }) => opened)).toEqual([]);
  });
});

describe("a folder of a skill", () => {
  test("is read at its server, whose files keep the names of the skill", async () => {
    const { gateway } = await twins();
    const read = (uri: string) => ask(gateway, "resources/directory/read", { uri });
    expect(await read("skill://mcp-wrapper/b/refunds")).toEqual({
      resources: [{ uri: "skill://mcp-wrapper/b/refunds/guide.md", name: "guide.md" }],
    });
    expect(await read("skill://b-only")).toMatchObject({
      resources: [{ uri: "skill://b-only/guide.md" }],
    });
  });

  test("is -32602 where its server reads none, or where there is none", async () => {
    const { a, gateway } = await twins();
    for (const uri of ["skill://acme/a-only", "skill://nowhere"]) {
      expect(await ask(gateway, "resources/directory/read", { uri })).toEqual({ failure: -32602 });
    }
    expect(a.opened).toEqual([]);
  });
});

describe("a skill that the caller may not know", () => {
  const denied: Policy = (_principal, server, item) =>
    server === "b" && String(item?.own).startsWith("skill://refunds/guide") ? "deny" : "allow";

  test("is in no list and cannot be got, also when one of its files alone is denied", async () => {
    const { gateway } = await twins({ policy: denied });
    expect(urisOf(await ask(gateway, "skills/list"))).toEqual([
      refunds,
      "skill://acme/a-only/SKILL.md",
      "skill://b-only/SKILL.md",
    ]);
    expect(await ask(gateway, "skills/get", { uri: refundsOfB })).toEqual({ failure: -32602 });
    expect(await ask(gateway, "skills/get", { uri: refunds })).toMatchObject({
      skill: { uri: refunds },
    });
    const own = await ask(gateway, "skills/get", { uri: refunds }, sessionCaller(), "/servers/b");
    expect(own).toEqual({ failure: -32602 });
    const folder = { uri: "skill://mcp-wrapper/b/refunds" };
    expect(await ask(gateway, "resources/directory/read", folder)).toEqual({ resources: [] });
  });

  test("makes what others know of it private", async () => {
    for (const [policy, isShared] of [[denied, false], [undefined, true]] as const) {
      const { b, gateway } = await twins(policy && { policy });
      const value = { skill: b.lists.skills?.[1], resources: [] };
      const freshness = { ttlMs: 5_000, isShared: true };
      b.reply = () => settledExchange({ kind: "result", value, freshness });
      for (
        const [method, uri] of [
          ["skills/get", "skill://b-only/SKILL.md"],
          ["resources/directory/read", "skill://b-only"],
        ] as const
      ) {
        const ending = await endOf(gateway, sessionCaller(), method, { uri });
        expect(ending).toMatchObject({ freshness: { ttlMs: 5_000, isShared } });
      }
    }
  });

  test("and that no list has is asked for at no server", async () => {
    const policy: Policy = (_principal, _server, item) =>
      String(item?.own).startsWith("skill://hidden") ? "deny" : "allow";
    const { a, b, gateway } = await twins({ policy });
    const uri = "skill://hidden/SKILL.md";
    expect(await ask(gateway, "skills/get", { uri })).toEqual({ failure: -32602 });
    expect([...a.opened, ...b.opened]).toEqual([]);
  });

  test("of a hidden server is nowhere, and does not show that the server is there", async () => {
    const policy: Policy = (_principal, server) => server === "b" ? "deny" : "allow";
    const { b, gateway } = await twins({ policy });
    const { capabilities } = await gateway.describe("/mcp", sessionCaller());
    expect(capabilities["extensions"]).toEqual({ [extension]: { directoryRead: false } });
    expect(JSON.stringify(await ask(gateway, "skills/list"))).not.toContain("mcp-wrapper/b");
    const uri = "skill://hidden/SKILL.md";
    expect(await ask(gateway, "skills/get", { uri })).toEqual({ failure: -32602 });
    expect(b.opened).toEqual([]);
  });
});

describe("a server that claims what another one has", () => {
  test("does not answer for the skill of another server under a URI of its own", async () => {
    const { a, b, gateway } = await twins();
    const entry = { skill: { ...skill("hidden", "a"), resources: "dynamic" } };
    const { reply } = a;
    const given = () => resultExchange(entry);
    a.reply = (call) => call.params["uri"] === "skill://bait/SKILL.md" ? given() : reply(call);
    const bait = { uri: "skill://bait/SKILL.md" };
    expect(await ask(gateway, "skills/get", bait)).toEqual({ failure: -32602 });
    const file = { uri: "skill://hidden/more.md" };
    expect(await ask(gateway, "resources/read", file)).toEqual({ failure: -32002 });
    await ask(gateway, "skills/get", { uri: "skill://hidden/SKILL.md" });
    await ask(gateway, "resources/read", file);
    expect(b.opened.at(-1)?.params).toEqual(file);
  });

  test("gets no reads of all URIs of a scheme, listed or not", async () => {
    const all = { uri: "file:///SKILL.md", frontmatter: {}, resources: "dynamic" };
    for (const [listed, unlisted] of [[[all], []], [[], [all]]]) {
      const greedy = skillServer("a", listed ?? [], unlisted);
      const files = createFakeUpstream("b", {
        templates: [{ name: "file", uriTemplate: "file:///{+path}" }],
      });
      const gateway = await createCoreGateway([greedy, files]);
      await ask(gateway, "skills/list");
      await ask(gateway, "skills/get", { uri: all.uri });
      const opened = greedy.opened.length;
      await ask(gateway, "resources/read", { uri: "file:///home/notes.md" });
      expect([greedy.opened.length - opened, files.opened.length]).toEqual([0, 1]);
    }
  });
});

describe("a server that cannot answer", () => {
  const soon: CoreOptions = { limits: { firstListMs: 40, listMs: 40, listKnownMs: 20 } };
  /** A client that listens for changes waits least. */
  const listed = async (gateway: Gateway) => {
    const call = { method: "skills/list", params: {}, wantsProgress: false };
    const exchange = gateway.call("/mcp", { ...call, caller: sessionCaller(), hears: () => true });
    return await new Promise<JsonObject>((resolve) =>
      exchange.read((reply) => reply.kind === "result" && resolve(reply.value))
    );
  };

  test("does not hide the skills of the others, and is named", async () => {
    for (const fault of ["broken", "hangs"]) {
      const { a, gateway } = await twins(soon);
      if (fault === "broken") a.broken = new GatewayError("upstream_unavailable");
      else a.slow = new Promise(() => {});
      const list = await listed(gateway);
      expect(urisOf(list)).toEqual([refunds, "skill://b-only/SKILL.md"]);
      expect(list["_meta"]).toEqual({
        [missingKey]: [{ name: "a", reason: expect.any(String) }],
      });
    }
  });

  test("holds up no skill of another one, listed or not", async () => {
    const { a, gateway } = await twins(soon);
    a.slow = new Promise(() => {});
    for (const uri of ["skill://b-only/SKILL.md", "skill://hidden/SKILL.md"]) {
      expect(await ask(gateway, "skills/get", { uri })).toMatchObject({ skill: { uri } });
    }
  });

  test("and may have the skill makes it late, not unknown; its call is given up", async () => {
    const { b, gateway } = await twins(soon);
    b.script(() => new Promise(() => {}));
    const uri = "skill://hidden/SKILL.md";
    const ending = await endOf(gateway, sessionCaller(), "skills/get", { uri });
    expect(ending).toMatchObject({ kind: "failure", error: { code: "upstream_late" } });
    expect(b.cancelled).toHaveLength(1);
  });
});

test("a list is as fresh as its least fresh part, and private where one part is", async () => {
  const c = createFakeUpstream("c", { tools: [] });
  const [a, b] = [skillServer("a", [skill("x", "a")]), skillServer("b", [skill("y", "b")])];
  for (const fake of [a, b, c]) {
    fake.knownDescription = () => ({ capabilities: fake.capabilities });
  }
  const gateway = await createCoreGateway([a, b, c]);
  const freshness = async () => {
    const ending = await endOf(gateway, sessionCaller(), "skills/list");
    return ending.kind === "result" ? ending.freshness : ending;
  };
  a.freshness = () => ({ ttlMs: 60_000, isShared: true });
  expect(await freshness()).toBe(undefined);
  b.freshness = () => ({ ttlMs: 5_000, isShared: true });
  expect(await freshness()).toEqual({ ttlMs: 5_000, isShared: true });
  a.freshness = () => ({ ttlMs: 60_000, isShared: false });
  expect(await freshness()).toEqual({ ttlMs: 5_000, isShared: false });
});

test("on a server's own URL nothing is renamed, and the server itself says what it does not have", async () => {
  const { b, gateway } = await twins({ tools: { b: { allow: ["none"] } } });
  const own = (method: string, params: JsonObject = {}) =>
    ask(gateway, method, params, sessionCaller(), "/servers/b");
  expect(await own("skills/list")).toEqual({ skills: b.lists.skills });
  expect(await own("skills/get", { uri: refunds })).toEqual({ skill: b.lists.skills?.[0] });
  expect(await own("skills/get", { uri: "skill://nowhere/SKILL.md" })).toEqual({ failure: -32602 });
  expect(await own("resources/directory/read", { uri: "skill://refunds" })).toEqual({
    resources: [{ uri: "skill://refunds/guide.md", name: "guide.md" }],
  });
});
