/**
 * Protected remote servers behind one gateway: each person's calls and lists go by the grant of that
 * person alone, and a person who has not logged in gets the tool that leads there.
 */
import { afterEach, describe, expect, test } from "bun:test";
import {
  namesIn,
  type ProtectedGateway,
  type ProtectedUpstream,
  serveProtected,
  type Speech,
  startProtected,
  textIn,
  untilListed,
} from "../support/protected_gateway.ts";
import { until } from "../support/wait.ts";

const opened: { close(): Promise<void> }[] = [];

async function serve(...given: Parameters<typeof serveProtected>): Promise<ProtectedUpstream> {
  const server = await serveProtected(...given);
  opened.push(server);
  return server;
}

async function start(...given: Parameters<typeof startProtected>): Promise<ProtectedGateway> {
  const gateway = await startProtected(...given);
  opened.unshift(gateway);
  return gateway;
}

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const own = "/servers/files/mcp";
const call = { name: "any", arguments: {} };

/** Ann and Ben have logged in; Cid has not. */
async function withTwo(speech: Speech, settings = {}) {
  const server = await serve(speech);
  const gateway = await start({ files: { url: server.url, ...settings } });
  const { grants } = gateway;
  grants.give("files", "ann", "token-of-ann");
  grants.give("files", "ben", "token-of-ben");
  return { ...gateway, server };
}

const speeches: readonly Speech[] = ["session", "stateless", "line"];

describe("two persons at a protected server", () => {
  for (const speech of speeches) {
    test(`F13 have tools of their own, which is no change of either (${speech})`, async () => {
      const { ask, gateway, grants } = await withTwo(speech, { pin: "quarantine" });
      const namesOf = async (person: string) => namesIn(await ask(person, "tools/list", {}, own));
      const waiting = async () =>
        (await gateway.changedTools.list()).map(({ kind, tool }) => `${kind} ${tool}`).sort();
      for (const person of ["ann", "ben", "ann"]) {
        const name = `tool_of_${person}`;
        await untilListed(() => ask(person, "tools/list", {}, own), [name]);
        expect(textIn(await ask(person, "tools/call", { ...call, name }, own))).toBe(person);
      }
      expect(await waiting()).toEqual([]);
      // Ben gets what was accepted for Ann alone.
      grants.give("files", "ben", "token-of-ann");
      await until("the change is noticed", async () => {
        await ask("ben", "tools/list", {}, own);
        return (await waiting()).includes("new tool_of_ann");
      });
      await untilListed(() => ask("ben", "tools/list", {}, own), []);
      const refused = await ask("ben", "tools/call", { ...call, name: "tool_of_ann" }, own);
      expect(refused.error?.message).toContain("Unknown tool");
      expect(await namesOf("ann")).toEqual(["tool_of_ann"]);
      expect(await gateway.changedTools.approve("files", { tools: ["tool_of_ann"] })).toEqual([
        "tool_of_ann",
      ]);
      await untilListed(() => ask("ben", "tools/list", {}, own), ["tool_of_ann"]);
    });

    test(`call by their own grants alone (${speech})`, async () => {
      const { ask, connect, grants, server } = await withTwo(speech);
      const [ann, ben] = [await connect("ann", own), await connect("ben", own)];
      const texts = await Promise.all(
        Array.from({ length: 6 }, async () => [
          textIn(await ann.request("tools/call", call)),
          textIn(await ben.request("tools/call", call)),
          textIn(await ask("ann", "tools/call", call, own)),
          textIn(await ask("ben", "tools/call", call, own)),
        ]),
      );
      for (const one of texts) expect(one).toEqual(["ann", "ben", "ann", "ben"]);
      expect(server.violations).toEqual([]);
      expect(new Set(grants.uses.map(({ principal }) => principal))).toEqual(
        new Set(["ann", "ben"]),
      );
    });

    test(`see their own tools alone, also from what is stored (${speech})`, async () => {
      const { ask, connect, server } = await withTwo(speech);
      const session = await connect("ann");
      expect(namesIn(await session.request("tools/list"))).toEqual(["files__tool_of_ann"]);
      expect(namesIn(await ask("ben", "tools/list"))).toEqual(["files__tool_of_ben"]);
      expect(namesIn(await ask("ann", "tools/list"))).toEqual(["files__tool_of_ann"]);
      expect(namesIn(await ask("cid", "tools/list"))).toEqual(["connect_files"]);
      const guessed = await ask("ben", "tools/call", { ...call, name: "files__tool_of_ann" });
      expect(guessed.error?.message).toContain("Unknown tool");
      expect(server.violations).toEqual([]);
    });
  }

  for (const isolation of ["shared", "principal"] as const) {
    test(`have connections of their own where the configuration shares one (${isolation})`, async () => {
      const { ask, connect, server } = await withTwo("session", { isolation });
      const sessions = [await connect("ann", own), await connect("ben", own)];
      const texts = await Promise.all(
        sessions.map(async (one) => textIn(await one.request("tools/call", call))),
      );
      expect(server.of("initialize").length).toBe(2);
      expect([...texts, textIn(await ask("ben", "tools/call", call, own))])
        .toEqual(["ann", "ben", "ben"]);
      expect(server.violations).toEqual([]);
    });
  }

  test("are not affected by one who has not logged in, and who fails at once", async () => {
    const { ask, server, gateway } = await withTwo("session");
    const before = await ask("cid", "tools/call", call, own);
    expect(before.error?.data).toMatchObject({ reason: "login_required", server: "files" });
    const count = server.visits.length;
    for (let round = 0; round < 8; round += 1) {
      const { error } = await ask("cid", "tools/call", call, own);
      expect(error?.data).toMatchObject({ reason: "login_required", outcome: "not_sent" });
    }
    expect(server.visits.length).toBe(count);
    expect(textIn(await ask("ann", "tools/call", call, own))).toBe("ann");
    const [report] = gateway.servers();
    expect(report?.state).toBe("running");
    expect(gateway.counts()["start_failed"] ?? 0).toBe(0);
  });
});

describe("the connect tool", () => {
  test("has one name on every surface, and gives each person a link", async () => {
    const server = await serve("session");
    const { ask } = await start({ files: { url: server.url }, "my notes": { url: server.url } });
    const merged = await ask("ann", "tools/list");
    expect(namesIn(merged)).toEqual(["connect_files", "connect_my_notes"]);
    expect(merged.result?.["_meta"]).not.toHaveProperty("mcp-wrapper/unavailable");
    expect(namesIn(await ask("ann", "tools/list", {}, own))).toEqual(["connect_files"]);
    const connect = { name: "connect_files", arguments: {} };
    const links = [
      textIn(await ask("ann", "tools/call", connect)),
      textIn(await ask("ann", "tools/call", connect, own)),
      textIn(await ask("ben", "tools/call", connect)),
    ].map((text) => /https:\/\/gateway\.example\/oauth\/connect\/files\?link=\S+/.exec(text)?.[0]);
    expect(links).not.toContain(undefined);
    expect(new Set(links).size).toBe(3);
  });

  test("disappears after the log-in, of which that person's clients alone hear", async () => {
    const server = await serve("session");
    const { ask, connect, grants } = await start({ files: { url: server.url } });
    const [ann, ben] = [await connect("ann"), await connect("ben")];
    expect(namesIn(await ann.request("tools/list"))).toEqual(["connect_files"]);
    expect(namesIn(await ben.request("tools/list"))).toEqual(["connect_files"]);
    grants.give("files", "ann", "token-of-ann");
    const changed = "notifications/tools/list_changed";
    await until("ann hears that the tools changed", () => ann.heard.includes(changed));
    expect(namesIn(await ann.request("tools/list"))).toEqual(["files__tool_of_ann"]);
    expect(namesIn(await ben.request("tools/list"))).toEqual(["connect_files"]);
    expect(ben.heard).not.toContain(changed);
    const stale = { name: "connect_files", arguments: {} };
    expect(textIn(await ask("ann", "tools/call", stale))).toContain("is there already");
  });

  test("comes back when the grant ends, and the tools of the grant are gone", async () => {
    const { connect, grants, server } = await withTwo("session");
    const [ann, ben] = [await connect("ann"), await connect("ben")];
    expect(namesIn(await ann.request("tools/list"))).toEqual(["files__tool_of_ann"]);
    expect(namesIn(await ben.request("tools/list"))).toEqual(["files__tool_of_ben"]);
    // The server has asked: one who has no grant was refused.
    const cid = await connect("cid");
    expect(namesIn(await cid.request("tools/list"))).toEqual(["connect_files"]);
    grants.take("files", "ann");
    const changed = "notifications/tools/list_changed";
    await until("ann hears that the tools changed", () => ann.heard.includes(changed));
    await untilListed(() => ann.request("tools/list"), ["connect_files"]);
    expect(namesIn(await ben.request("tools/list"))).toEqual(["files__tool_of_ben"]);
    expect(ben.heard).not.toContain(changed);
    const gone = await ann.request("tools/call", { ...call, name: "files__tool_of_ann" });
    expect(gone.error?.data).toMatchObject({ reason: "login_required", server: "files" });
    expect(server.violations).toEqual([]);
  });

  test("is hidden where the configuration says so, and the list fails instead", async () => {
    const server = await serve("session");
    const settings = { url: server.url, oauth: { grant: "each", connectTool: false } } as const;
    const { ask } = await start({
      files: settings,
      open: { url: (await serve("session", () => true)).url },
    });
    const merged = await ask("ann", "tools/list");
    expect(namesIn(merged)).toEqual(["open__tool_of_guest"]);
    const missing = [{ name: "files", reason: 'Server "files" needs a log-in' }];
    expect(merged.result?.["_meta"]).toMatchObject({ "mcp-wrapper/unavailable": missing });
    const alone = await ask("ann", "tools/list", {}, own);
    expect(alone.error?.data).toMatchObject({ reason: "login_required", server: "files" });
  });

  test("is filtered and renamed as any other tool", async () => {
    const { url } = await serve("session");
    const { ask } = await start({
      files: { url, tools: { deny: ["connect_*"] } },
      notes: { url, tools: { rename: { connect_notes: "log_in" } } },
    });
    expect(namesIn(await ask("ann", "tools/list"))).toEqual(["log_in"]);
    const renamed = await ask("ann", "tools/call", { name: "log_in", arguments: {} });
    expect(textIn(renamed)).toContain("/oauth/connect/notes?link=");
    const denied = await ask("ann", "tools/call", { name: "connect_files", arguments: {} });
    expect(denied.error?.message).toContain("Unknown tool");
  });
});

describe("a server that is tried for no client", () => {
  test("is known to want a log-in, and counts as no failing start", async () => {
    const server = await serve("session");
    const { gateway, grants, ask } = await start({ files: { url: server.url } }, { tries: true });
    await until("the state is known", () => gateway.servers()[0]?.state === "needs_login");
    expect(gateway.servers()[0]).toMatchObject({ error: "login_required", restarts: 0 });
    expect(gateway.counts()["start_failed"] ?? 0).toBe(0);
    grants.give("files", "ann", "token-of-ann");
    expect(namesIn(await ask("ann", "tools/list"))).toEqual(["files__tool_of_ann"]);
    expect(gateway.servers()[0]).toMatchObject({ state: "running", error: undefined });
  });

  test("wants one from the call on that it refuses, until the log-in", async () => {
    let isOpen = true;
    const server = await serve("session", () => isOpen);
    const { gateway, grants, ask } = await start({ files: { url: server.url } });
    expect(namesIn(await ask("ann", "tools/list", {}, own))).toEqual(["tool_of_guest"]);
    isOpen = false;
    const { error } = await ask("ann", "tools/call", { name: "tool_of_guest" }, own);
    expect(error?.data).toMatchObject({ reason: "login_required" });
    expect(gateway.servers()[0]?.state).toBe("needs_login");
    grants.give("files", "ann", "token-of-ann");
    expect(textIn(await ask("ann", "tools/call", call, own))).toBe("ann");
    expect(gateway.servers()[0]?.state).toBe("running");
  });

  test("teaches what it lists to everybody where it wants no log-in", async () => {
    const server = await serve("session", () => true);
    const { gateway, ask } = await start({ files: { url: server.url } }, { tries: true });
    await until("its tools are known", () => gateway.servers()[0]?.tools === 1);
    expect(namesIn(await ask("ann", "tools/list"))).toEqual(["files__tool_of_guest"]);
  });
});

describe("one log-in for all", () => {
  test("serves every person, on one connection where the server allows it", async () => {
    const server = await serve("stateless");
    const { ask, connect, grants } = await start({ files: { url: server.url } }, {
      oauth: { grant: "shared" },
    });
    const session = await connect("ben");
    expect(namesIn(await session.request("tools/list"))).toEqual(["connect_files"]);
    const link = await ask("ann", "tools/call", { name: "connect_files", arguments: {} });
    expect(textIn(link)).toContain("mcp-wrapper auth login files");
    grants.give("files", "", "token-of-operator");
    const changed = "notifications/tools/list_changed";
    await until("ben hears that the tools changed", () => session.heard.includes(changed));
    expect(namesIn(await session.request("tools/list"))).toEqual(["files__tool_of_operator"]);
    expect(textIn(await ask("ann", "tools/call", call, own))).toBe("operator");
    expect(new Set(grants.uses.map(({ principal }) => principal))).toEqual(new Set([""]));
  });
});

describe("a tool that needs more than the grant gives", () => {
  for (const speech of speeches) {
    test(`is named to the grants, and other requests are not (${speech})`, async () => {
      const { connect, grants } = await withTwo(speech);
      const session = await connect("ann", own);
      await session.request("tools/call", call);
      await session.request("tools/list");
      const tools = grants.uses.map(({ tool }) => tool);
      expect(new Set(tools)).toEqual(new Set([undefined, "any"]));
    });
  }
});
