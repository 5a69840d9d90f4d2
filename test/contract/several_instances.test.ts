/**
 * Several gateways that share a store are one to their clients: a request may reach any of them, a
 * session is served by one at a time, and what a dead one leaves open gets an honest end.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { framesOf, initialize, jsonHeaders, request } from "../support/http_harness.ts";
import { lastOf } from "../support/own_tables.ts";
import {
  type OneOfSeveral,
  type SeveralGateways,
  shareStores,
} from "../support/several_gateways.ts";
import { ask } from "../support/stateless_client.ts";
import { sleep } from "../../src/clock.ts";
import { until, within } from "../support/wait.ts";

let several: SeveralGateways;
let one: OneOfSeveral;
let two: OneOfSeveral;

beforeEach(async () => {
  several = await shareStores();
  one = await several.start("one");
  two = await several.start("two");
  for (const { server, name } of [one, two]) answerAs(server, name);
});
afterEach(() => several.close());

/** Answers each call with the name of the instance that ran it. */
function answerAs(server: OneOfSeveral["server"], name: string): void {
  server.script(async () => ({ content: [{ type: "text", text: name }] }));
}

const say = (id: unknown, meta = {}) =>
  request(id, "tools/call", { name: "say", arguments: {}, _meta: meta });
const by = (name: string) => ({ result: { content: [{ type: "text", text: name }] } });

describe("a session of several instances", () => {
  test("is served where it was opened, whichever instance its requests reach", async () => {
    const session = await one.connect();
    const elsewhere = two.client(session);
    expect(await lastOf(await elsewhere.post(say(1)))).toMatchObject({ id: 1, ...by("one") });
    expect(await lastOf(await session.post(say(2)))).toMatchObject({ id: 2, ...by("one") });
    expect(two.server.opened).toEqual([]);
  });

  test("keeps each answer with its call though ids are equal", async () => {
    const sessions = await Promise.all([one.connect(), two.connect(), one.connect()]);
    const calls = sessions.flatMap((session, at) =>
      [one, two].map(async ({ client }) => {
        const answer = await lastOf(await client(session).post(say(`${at}`)));
        return [answer["id"], answer["result"]];
      })
    );
    const answers = await Promise.all(calls);
    expect(answers.map(([id]) => id)).toEqual(["0", "0", "1", "1", "2", "2"]);
    expect(answers.map(([, result]) => JSON.stringify(result).match(/one|two/)?.[0]))
      .toEqual(["one", "one", "two", "two", "one", "one"]);
  });

  test("streams progress and answers its questions through another instance", async () => {
    one.server.script(async (source) => {
      source.notice({ kind: "notice", method: "notifications/progress", params: { progress: 1 } });
      const answer = await source.ask("roots/list", {});
      return { content: [{ type: "text", text: JSON.stringify(answer) }] };
    });
    const opened = await one.send("POST", "/mcp", {
      headers: jsonHeaders,
      body: initialize("2025-11-25", { roots: {} }),
    });
    const id = opened.headers.get("mcp-session-id") ?? "";
    await opened.body?.cancel();
    const client = two.client({ id });
    const frames = framesOf(await client.post(say(1, { progressToken: "t" })));
    expect(await frames.message()).toMatchObject({ method: "notifications/progress" });
    const asked = await frames.message();
    expect(asked).toMatchObject({ method: "roots/list" });
    const roots = { jsonrpc: "2.0", id: asked["id"], result: { roots: [] } };
    expect((await client.post(roots)).status).toBe(202);
    expect(JSON.stringify(await frames.message())).toContain("roots");
    await frames.rest();
  });

  test("hears on a GET stream of one instance what a server of another says", async () => {
    const session = await one.connect();
    const frames = framesOf(await two.client(session).get());
    await until(
      "the connection event",
      async () => (await frames.next())?.event === "connection_established",
    );
    const params = { level: "info", data: "heard" };
    const isHeard = one.gateway.sendTo(
      [...one.server.audiences].length > 0 ? await keyOf(session.id) : "",
      { kind: "notice", method: "notifications/message", params },
    );
    expect(isHeard).toBe(true);
    expect(await frames.message()).toMatchObject({ params });
    await frames.cancel();
    await until(
      "the owner hears that the reader left",
      () =>
        one.gateway.sendTo("", { kind: "notice", method: "notifications/message", params }) ===
          false,
    );
  });

  test("ends everywhere when its client ends it at any instance", async () => {
    const session = await one.connect();
    expect((await two.client(session).remove()).status).toBe(204);
    for (const { client } of [one, two]) {
      expect((await client(session).post(say(1))).status).toBe(404);
    }
  });

  test("is unknown to another surface and to guesses, and makes no owner of them", async () => {
    const session = await one.connect();
    const headers = { ...jsonHeaders, "mcp-session-id": session.id };
    const other = await two.send("POST", "/servers/tools/mcp", { headers, body: say(1) });
    expect(other.status).toBe(404);
    const guess = { id: crypto.randomUUID() };
    expect((await two.client(guess).post(say(1))).status).toBe(404);
    expect(await several.owners.find(await keyOf(guess.id))).toBe(undefined);
  });

  test("costs no command to the table for the calls that its owner gets", async () => {
    const session = await one.connect();
    await session.post(say(0));
    const before = one.commands.filter((name) => name !== "renew").length;
    for (let id = 1; id <= 20; id += 1) expect((await session.post(say(id))).status).toBe(200);
    expect(one.commands.filter((name) => name !== "renew").length).toBe(before);
    // Nor for those that another instance passes on, once it knows the owner.
    const elsewhere = two.client(session);
    await elsewhere.post(say(0));
    const known = two.commands.filter((name) => name === "find" || name === "claim").length;
    for (let id = 1; id <= 20; id += 1) expect((await elsewhere.post(say(id))).status).toBe(200);
    expect(two.commands.filter((name) => name === "find" || name === "claim").length).toBe(known);
  });
});

describe("what needs no owner", () => {
  test("is served where it arrives", async () => {
    for (const instance of [one, two]) {
      const answer = await ask(instance, "tools/call", { name: "say", arguments: {} });
      expect(await lastOf(answer)).toMatchObject(by(instance.name));
    }
    expect([...one.commands, ...two.commands]).not.toContain("claim");
  });
});

describe("a stream of the older transport", () => {
  test("gets the answers to what its client posts to any instance", async () => {
    const frames = framesOf(
      await one.send("GET", "/sse", { headers: { accept: "text/event-stream" } }),
    );
    const url = (await frames.next())?.data ?? "";
    const post = (body: unknown) => two.send("POST", url, { headers: jsonHeaders, body });
    expect((await post(initialize("2024-11-05"))).status).toBe(202);
    expect(await frames.message()).toMatchObject({ id: 0 });
    await post(say(1));
    expect(await frames.message()).toMatchObject({ id: 1, ...by("one") });
    await frames.cancel();
  });
});

describe("a call that waits for its client", () => {
  test("goes on at the instance that has it, wherever the client returns", async () => {
    let runs = 0;
    one.server.script(async (source) => {
      runs += 1;
      const answer = await source.ask("elicitation/create", {
        message: "Sure?",
        requestedSchema: { type: "object", properties: {} },
      });
      return { content: [{ type: "text", text: JSON.stringify(answer) }] };
    });
    const meta = { meta: { clientCapabilities: { elicitation: {} } } };
    const params = { name: "say", arguments: {} };
    const asked = await lastOf(await ask(one, "tools/call", params, meta)) as {
      result: { inputRequests: Record<string, unknown>; requestState: string };
    };
    const { inputRequests, requestState } = asked.result;
    const [key = ""] = Object.keys(inputRequests);
    const back = {
      ...params,
      inputResponses: { [key]: { action: "accept", content: {} } },
      requestState,
    };
    const answer = await lastOf(await ask(two, "tools/call", back, meta));
    expect(JSON.stringify(answer)).toContain("accept");
    expect([runs, two.server.opened.length]).toEqual([1, 0]);
  });
});

describe("a call that waits for its client at an instance that died", () => {
  test("is waited for until its term has ended, and ends with an outcome that is unknown", async () => {
    one.server.script(async (source) => {
      await source.ask("elicitation/create", {
        message: "Sure?",
        requestedSchema: { type: "object", properties: {} },
      });
      return { content: [] };
    });
    const meta = { meta: { clientCapabilities: { elicitation: {} } } };
    const params = { name: "say", arguments: {} };
    const asked = await lastOf(await ask(one, "tools/call", params, meta)) as {
      result: { inputRequests: Record<string, unknown>; requestState: string };
    };
    const { inputRequests, requestState } = asked.result;
    const [key = ""] = Object.keys(inputRequests);
    const inputResponses = { [key]: { action: "accept", content: {} } };
    const { clock, owners } = several;
    await one.kill();
    const back = ask(two, "tools/call", { ...params, inputResponses, requestState }, meta);
    let isAlive = true;
    const answer = back.then((response) => {
      isAlive = false;
      return response;
    });
    while (isAlive && await owners.instance("one") !== undefined) await sleep(clock, 20);
    // Not before it is certain that nothing goes on there.
    expect(isAlive).toBe(true);
    expect(await lastOf(await answer)).toMatchObject({ error: { data: { outcome: "unknown" } } });
    expect(two.server.opened).toEqual([]);
  });
});

describe("an instance that dies", () => {
  test("leaves its sessions to the others, with their level", async () => {
    const session = await one.connect();
    await session.post(request(1, "logging/setLevel", { level: "error" }));
    await one.kill();
    const answer = await lastOf(await two.client(session).post(say(2)));
    expect(answer).toMatchObject({ id: 2, ...by("two") });
    expect(two.server.opened[0]?.caller).toMatchObject({ logLevel: "error" });
  });

  test("ends its open calls with an outcome that is unknown, on streams and in single answers", async () => {
    const session = await one.connect();
    const began = new Promise<void>((resolve) => {
      one.server.script((source) => {
        source.notice({
          kind: "notice",
          method: "notifications/progress",
          params: { progress: 1 },
        });
        resolve();
        return new Promise(() => {});
      });
    });
    const frames = framesOf(await two.client(session).post(say(1, { progressToken: "t" })));
    await began;
    expect(await frames.message()).toMatchObject({ method: "notifications/progress" });
    const plain = two.client(session).post(say(2), { accept: "application/json" });
    await until("the second call", () => one.server.opened.length === 2);
    await one.kill();
    const lost = { error: { data: { outcome: "unknown" } } };
    expect(await within("the end on the stream", frames.message())).toMatchObject({
      id: 1,
      ...lost,
    });
    expect(await frames.rest()).toEqual([]);
    expect(await lastOf(await plain)).toMatchObject({ id: 2, ...lost });
    expect(two.server.opened).toEqual([]);
  });

  test("F9: leaves a read that it had not answered to another one, so that no client notices", async () => {
    const session = await one.connect();
    one.server.script(() => new Promise(() => {}));
    const read = request(1, "resources/read", { uri: "test://r" });
    const waiting = two.client(session).post(read, { accept: "application/json" });
    await until("the read", () => one.server.opened.length === 1);
    await one.kill();
    expect(await lastOf(await waiting)).toMatchObject({ id: 1, ...by("two") });
  });

  test("is found out though its connections stay open", async () => {
    const session = await one.connect();
    one.server.script(() => new Promise(() => {}));
    const waiting = two.client(session).post(say(1), { accept: "application/json" });
    await until("the call", () => one.server.opened.length === 1);
    one.isCut = true;
    const answer = await within("an honest end", waiting);
    expect(await lastOf(answer)).toMatchObject({ error: { data: { outcome: "unknown" } } });
  });
});

describe("an instance that the others do not hear of", () => {
  test("takes no new call of its sessions, and says when to come back", async () => {
    const session = await one.connect();
    one.isCut = true;
    const refused = await until("the refusal", async () => {
      const response = await session.post(say(1));
      return response.status === 200 ? undefined : response;
    });
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    // What needs no owner goes on.
    expect((await ask(one, "tools/call", { name: "say", arguments: {} })).status).toBe(200);
    one.isCut = false;
    await until("it goes on", async () => (await session.post(say(2))).status === 200);
  });

  test("does not answer what others pass on to it: they wait, and then serve it", async () => {
    const session = await one.connect();
    const elsewhere = two.client(session);
    expect(await lastOf(await elsewhere.post(say(1)))).toMatchObject({ id: 1, ...by("one") });
    one.isCut = true;
    await until("it is silent", async () => (await session.post(say(2))).status === 503);
    expect(await lastOf(await elsewhere.post(say(3)))).toMatchObject({ id: 3, ...by("two") });
  });

  test("ends what it still runs when it hears that another has taken over", async () => {
    const session = await one.connect();
    one.server.script(() => new Promise(() => {}));
    const waiting = session.post(say(1), { accept: "application/json" });
    const frames = framesOf(await session.get());
    await until("the call", () => one.server.opened.length === 1);
    one.isCut = true;
    await until(
      "the other takes over",
      async () => (await lastOf(await two.client(session).post(say(2))))["result"] !== undefined,
    );
    one.isCut = false;
    const answer = await within("an honest end", waiting);
    expect(await lastOf(answer)).toMatchObject({ id: 1, error: { data: { outcome: "unknown" } } });
    await within("its stream ends", frames.rest());
    expect(one.server.ended).toContain(await keyOf(session.id));
    // From now on it passes the session on.
    expect(await lastOf(await session.post(say(3)))).toMatchObject({ id: 3, ...by("two") });
  });
});

describe("a session that is resumed elsewhere", () => {
  test("gets what it has missed, and an honest end for the call of the dead instance", async () => {
    const session = await one.connect();
    one.server.script((source) => {
      source.notice({ kind: "notice", method: "notifications/progress", params: { progress: 1 } });
      return new Promise(() => {});
    });
    const frames = framesOf(await session.post(say(7, { progressToken: "t" })));
    const first = await until("an id", async () => (await frames.next())?.id);
    await until("progress", async () => (await frames.next())?.data);
    await frames.cancel();
    await until("the frame is stored", async () => {
      await one.gateway.handOver;
      return true;
    });
    await one.kill();
    const resumed = framesOf(await two.client(session).get({ "last-event-id": first }));
    const all = await resumed.rest();
    const data = all.flatMap((frame) => frame.data ? [JSON.parse(frame.data)] : []);
    expect(data.at(-1)).toMatchObject({ id: 7, error: { data: { outcome: "unknown" } } });
  });
});

describe("an instance that leaves", () => {
  test("hands its sessions over, and no call fails meanwhile", async () => {
    const sessions = await Promise.all(Array.from({ length: 5 }, () => one.connect()));
    let isLeaving = true;
    const results: string[] = [];
    const clients = sessions.map(async ({ id }, at) => {
      for (let turn = 0; isLeaving || turn % 2 === 0; turn += 1) {
        const answer = await lastOf(
          await [one, two][turn % 2]!.client({ id }).post(say(`${at}-${turn}`)),
        );
        results.push(JSON.stringify(answer["result"] ?? answer));
      }
    });
    await within("the sessions are handed over", one.gateway.handOver());
    isLeaving = false;
    await Promise.all(clients);
    expect(results.filter((text) => !/"text":"(?:one|two)"/.test(text))).toEqual([]);
    expect((await one.send("GET", "/ready")).status).toBe(503);
    for (const { id } of sessions) {
      expect(await several.owners.find(await keyOf(id))).toMatchObject({ instance: "two" });
    }
    await one.stop();
    for (const session of sessions) {
      expect(await lastOf(await two.client(session).post(say(0)))).toMatchObject(by("two"));
    }
  });

  for (const step of ["handOver", "drain"] as const) {
    test(`waits for the calls that it has passed on to others (${step})`, async () => {
      const session = await one.connect();
      let finish = (): void => {};
      one.server.script(() =>
        new Promise((resolve) => {
          finish = () => resolve({ content: [{ type: "text", text: "one" }] });
        })
      );
      const elsewhere = two.client(session);
      const stream = framesOf(await elsewhere.get());
      const running = elsewhere.post(say(1), { accept: "application/json" });
      await until("the call", () => one.server.opened.length === 1);
      let isOver = false;
      const over = two.gateway[step]().then(() => isOver = true);
      if (step === "drain") await within("its stream ends", stream.rest());
      await sleep(several.clock, 300);
      expect(isOver).toBe(false);
      finish();
      expect(await lastOf(await running)).toMatchObject({ id: 1, ...by("one") });
      await within("it is over", over);
      await stream.cancel();
    });
  }

  test("goes on with its sessions while the only other instance does not answer", async () => {
    const session = await one.connect();
    await two.kill();
    const left = one.gateway.handOver();
    await until("it has given the session away", async () => {
      const row = await several.owners.find(await keyOf(session.id));
      return row?.term === 0;
    });
    expect(await lastOf(await session.post(say(1)))).toMatchObject({ id: 1, ...by("one") });
    // Without waiting for the end of its term.
    expect(await several.owners.instance("two")).toBeDefined();
    await within("it has handed over", left);
  });

  test("waits for the call that runs, and then hands its session over", async () => {
    const session = await one.connect();
    let finish = (): void => {};
    one.server.script(() =>
      new Promise((
        resolve,
      ) => (finish = () => resolve({ content: [{ type: "text", text: "one" }] })))
    );
    const running = session.post(say(1));
    await until("the call", () => one.server.opened.length === 1);
    const left = one.gateway.handOver();
    expect((await one.send("GET", "/health")).status).toBe(200);
    finish();
    expect(await lastOf(await running)).toMatchObject(by("one"));
    await within("it is handed over", left);
    expect(await lastOf(await session.post(say(2)))).toMatchObject(by("two"));
  });

  for (const isTaken of [true, false]) {
    test(`serves a session ${isTaken ? "no more" : "again"} that ${isTaken ? "another" : "no"} instance owns by the time when the body is there`, async () => {
      const session = await one.connect();
      let finish = (): void => {};
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          finish = () => {
            controller.enqueue(new TextEncoder().encode(JSON.stringify(say(1))));
            controller.close();
          };
        },
      });
      const headers = { host: "localhost:8999", ...jsonHeaders, "mcp-session-id": session.id };
      const init = { method: "POST", headers, body, duplex: "half" } as RequestInit;
      const late = one.gateway.fetch(new Request("http://localhost:8999/mcp", init));
      await within("the sessions are handed over", one.gateway.handOver());
      if (isTaken) {
        expect(await lastOf(await two.client(session).post(say(2)))).toMatchObject(by("two"));
      }
      finish();
      const answer = await lastOf(await late);
      const refused = { error: { data: { outcome: "not_sent" } } };
      expect(answer).toMatchObject({ id: 1, ...(isTaken ? refused : by("one")) });
      expect(one.server.opened.length).toBe(isTaken ? 0 : 1);
    });
  }

  test("keeps its sessions if there is no other instance", async () => {
    await two.stop();
    const session = await one.connect();
    await one.gateway.handOver();
    expect(await lastOf(await session.post(say(1)))).toMatchObject(by("one"));
    expect((await one.send("GET", "/ready")).status).toBe(200);
  });
});

async function keyOf(id: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
