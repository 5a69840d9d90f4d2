/**
 * Two tokens of one person: one for a single server, one for all. The narrow one reaches nothing of
 * another server, whatever it shows that the wide one got: names, URIs, cursors, states, or the
 * session itself.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import {
  type AccessAnswer,
  type AccessGateway,
  startWithAccess,
} from "../support/access_gateway.ts";
import { createFakeUpstream, type FakeUpstream } from "../support/fake_upstream.ts";

const tool = (name: string) => ({ name, inputSchema: { type: "object" } });
const wide = { id: "user:ada", kind: "oauth", client: "wide" };
const people = { wide, narrow: { ...wide, client: "narrow", servers: ["open"] } };

let open: FakeUpstream;
let vault: FakeUpstream;
let own: AccessGateway;
beforeEach(async () => {
  const make = (name: string, uri: string) => {
    const server = createFakeUpstream(name, {
      tools: Array.from({ length: 300 }, (_, at) => tool(`${name}_tool_${at}`)),
      prompts: [{ name: `${name}_prompt` }],
      resources: [{ uri, name }],
      templates: [{ uriTemplate: `${uri}/{id}`, name }],
    });
    server.capabilities = { ...server.capabilities, completions: {}, logging: {} };
    server.instructions = `About ${name}`;
    return server;
  };
  open = make("open", "file:///open/a");
  vault = make("vault", "file:///vault/a");
  own = await startWithAccess({ servers: { open, vault }, people });
});
afterEach(() => own.close());

/** All that a client can ask about the other server, by what the wide token knows of it. */
const asked: readonly [string, JsonObject][] = [
  ["tools/call", { name: "vault__vault_tool_0", arguments: {} }],
  ["tools/call", { name: "vault_tool_0", arguments: {} }],
  ["prompts/get", { name: "vault__vault_prompt" }],
  ["resources/read", { uri: "file:///vault/a" }],
  ["resources/read", { uri: "file:///vault/a/7" }],
  ["resources/read", { uri: "file:///open/../vault/a" }],
  ["completion/complete", {
    ref: { type: "ref/prompt", name: "vault__vault_prompt" },
    argument: { name: "a", value: "b" },
  }],
  ["completion/complete", {
    ref: { type: "ref/resource", uri: "file:///vault/a/{id}" },
    argument: { name: "id", value: "b" },
  }],
];
const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];

type Ask = (method: string, params?: JsonObject) => Promise<AccessAnswer>;

async function expectNothing(ask: Ask): Promise<void> {
  for (const method of lists) {
    const { text } = await ask(method);
    expect([method, text.includes("vault"), text.includes("open")]).toEqual([method, false, true]);
  }
  for (const [method, params] of asked) {
    const { error, text } = await ask(method, params);
    // A URI that no list has goes to the server that it may use, which does not know it either.
    if ("name" in params) expect([params, error === undefined]).toEqual([params, false]);
    expect(text).not.toContain("About vault");
  }
  expect(vault.opened).toEqual([]);
}

describe("a token for one server", () => {
  test("reaches nothing of another, with a session of its own", async () => {
    const session = await own.connect("narrow");
    expect(session.opened.text).not.toContain("vault");
    await expectNothing(session.request);
    await session.request("resources/subscribe", { uri: "file:///vault/a" });
    expect(vault.watchers.size + vault.opened.length).toBe(0);
  });

  test("reaches nothing of another without a session", async () => {
    await expectNothing((method, params) => own.ask("narrow", method, params));
  });

  test("reaches nothing of another in the session of a wider one", async () => {
    const session = await own.connect("wide");
    expect((await session.request("tools/list")).text).toContain("vault");
    let id = 500;
    await expectNothing(async (method, params = {}) => {
      const response = await session.post(
        { jsonrpc: "2.0", id: id += 1, method, params },
        "narrow",
      );
      const text = await response.text();
      const lines = text.startsWith("{") ? [text] : text.match(/(?<=^data: )\{.*$/gm) ?? [];
      return { ...JSON.parse(lines.at(-1) ?? "{}"), status: response.status, text };
    });
  });

  test("goes no further by a cursor that a wider one got", async () => {
    const cursorOf = ({ result }: AccessAnswer) => result?.["nextCursor"];
    let cursor = cursorOf(await own.ask("wide", "tools/list"));
    let pages = 0;
    while (typeof cursor === "string" && pages < 50) {
      pages += 1;
      expect((await own.ask("narrow", "tools/list", { cursor })).text).not.toContain("vault");
      cursor = cursorOf(await own.ask("wide", "tools/list", { cursor }));
    }
  });

  test("is refused alike at the URLs of another server and of none, without a start", async () => {
    for (const name of ["vault", "none"]) {
      for (const [method, end] of [["POST", "mcp"], ["GET", "sse"], ["DELETE", "mcp"]] as const) {
        const answer = await own.send("narrow", method, `/servers/${name}/${end}`);
        expect([name, method, answer.status]).toEqual([name, method, 403]);
        expect(answer.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
        expect(await answer.text()).not.toContain(name);
      }
    }
    expect(vault.opened).toEqual([]);
  });
});
