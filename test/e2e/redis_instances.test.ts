/**
 * Three gateways on one engine behind a balancer without affinity, as processes: streams that go on
 * at another instance, an instance that is killed, and one that an operator drains.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { hostileCommand } from "../fault/hostile_command.ts";
import { findGateway } from "../support/admin_calls.ts";
import { readEvents, type ReadStream } from "../support/event_reader.ts";
import { jsonHeaders, request } from "../support/http_harness.ts";
import { hasRedis, whyNoRedis } from "../support/redis_server.ts";
import { openRpcSession, resumeRpcSession } from "../support/rpc_session.ts";
import { runCliJson } from "../support/run_cli.ts";
import { type SpawnedInstances, spawnInstances } from "../support/spawned_instances.ts";
import { until, within } from "../support/wait.ts";

const testMs = 240_000;
const path = "/servers/own/mcp";
const listChanged = "notifications/tools/list_changed";

(hasRedis ? describe : describe.skip)(`three instances${whyNoRedis}`, () => {
  let instances: SpawnedInstances;
  beforeAll(async () => {
    instances = await spawnInstances({
      servers: { own: hostileCommand() },
    });
  }, testMs);
  afterAll(() => instances?.dispose(), testMs);

  const at = (place: number) => `${instances.all[place]?.url}${path}`;
  const openAt = (place: number) => openRpcSession(at(place));
  /** Reads an event stream of a session at one instance, until `leave`. */
  const streamAt = async (place: number, id: string, init: RequestInit = {}) => {
    const left = new AbortController();
    const response = await fetch(at(place), {
      ...init,
      headers: {
        ...jsonHeaders,
        "mcp-session-id": id,
        "mcp-protocol-version": "2025-11-25",
        ...init.headers,
      },
      signal: left.signal,
    });
    expect(response.status).toBe(200);
    return Object.assign(readEvents(response), { leave: () => left.abort() });
  };
  const resumeAt = (place: number, id: string, { lastId }: ReadStream) =>
    streamAt(place, id, { headers: { "last-event-id": lastId ?? "" } });
  const callProgress = (place: number, id: string, steps: number, ms: number) =>
    streamAt(place, id, {
      method: "POST",
      body: JSON.stringify(request(7, "tools/call", {
        name: "progress",
        arguments: { steps, ms },
        _meta: { progressToken: "t" },
      })),
    });
  /** The positions of all frames, as their ids say. */
  const positionsIn = (...streams: ReadStream[]) =>
    streams.flatMap(({ events }) => events.map(({ id }) => Number(id?.split("-").at(-1))));

  /** The position of the last frame that the engine has of a session. */
  const lastStored = async (id: string) => {
    const name = createHash("sha256").update(id).digest("hex");
    const key = /\S+:x:\w+/.exec(await instances.engine.tell(`KEYS *:x:${name}`))?.[0];
    const newest = await instances.engine.tell(`XREVRANGE ${key} + - COUNT 1`);
    return /\blast\s+\S+\s+(\d+)/.exec(newest)?.[1];
  };

  test("a stream is resumed at another instance with all that it missed, once", async () => {
    const session = await openAt(0);
    const first = await callProgress(1, session.id, 60, 50);
    await until("progress", () => first.events.length >= 3);
    first.leave();
    await first.ended;
    const second = await resumeAt(2, session.id, first);
    expect(await within("the rest", second.ended)).toBe(true);
    expect(second.events.at(-1)?.message).toMatchObject({ id: 7, result: {} });
    const positions = positionsIn(first, second);
    expect(positions).toEqual(positions.map((_, place) => place + 1));
    await session.end();
  }, testMs);

  test(
    "an answer whose instance was killed is replayed by another one from the engine",
    async () => {
      const session = await openAt(0);
      const first = await callProgress(1, session.id, 60, 50);
      await until("progress", () => first.events.length > 0);
      first.leave();
      await first.ended;
      const atOwner = await resumeAt(0, session.id, first);
      expect(await atOwner.ended).toBe(true);
      const last = atOwner.lastId?.split("-").at(-1);
      await until("the last frame is stored", async () => await lastStored(session.id) === last);
      await instances.all[0]?.kill9();
      const after = await resumeAt(2, session.id, first);
      expect(await within("the rest", after.ended)).toBe(true);
      expect(after.events).toEqual(atOwner.events);
      expect(after.events.at(-1)?.message).toMatchObject({ id: 7, result: {} });
      await instances.startOne(0);
      await session.end();
    },
    testMs,
  );

  test("a stream at one instance hears what a call at another one says, once", async () => {
    const session = await openAt(0);
    await session.notify("notifications/initialized");
    const heard = await streamAt(1, session.id, { method: "GET" });
    const elsewhere = resumeRpcSession(at(2), session.id);
    for (const [id, data] of ["first", "last"].entries()) {
      const params = { level: "info", data };
      const args = { method: "notifications/message", params, late: 1 };
      await elsewhere.callTool(id, "notify", args);
    }
    const saidIn = () =>
      heard.events.flatMap(({ message }) => message.params?.["data"] as string ?? []);
    await until("the last one", () => saidIn().includes("last"));
    expect(saidIn()).toEqual(["first", "last"]);
    heard.leave();
    await session.end();
  }, testMs);

  test(
    "D3: a list that changes during a call at one instance is said once at another",
    async () => {
      const session = await openAt(0);
      await session.notify("notifications/initialized");
      await session.request(1, "tools/list");
      const heard = await streamAt(1, session.id, { method: "GET" });
      const elsewhere = resumeRpcSession(at(2), session.id);
      await elsewhere.callTool(2, "add_tool", { name: "added" });
      const methods = () => heard.events.map(({ message }) => message.method);
      await until("the change", () => methods().includes(listChanged));
      const listed = await elsewhere.request(3, "tools/list");
      expect(JSON.stringify(listed.result)).toContain("added");
      const params = { level: "info", data: "last" };
      await session.callTool(4, "notify", { method: "notifications/message", params, late: 1 });
      await until("the last one", () => methods().at(-1) === "notifications/message");
      expect(methods()).toEqual([listChanged, "notifications/message"]);
      heard.leave();
      await session.end();
    },
    testMs,
  );

  test("C2: sessions of a killed instance go on at the others", async () => {
    const sessions = await Promise.all([openAt(0), openAt(1), openAt(2)]);
    await instances.all[1]?.kill9();
    const answers = await Promise.all(
      sessions.map(({ id }) =>
        resumeRpcSession(`${instances.url}${path}`, id).callTool(1, "nonce", { nonce: id })
      ),
    );
    expect(answers).toEqual(sessions.map(({ id }) => id));
    await instances.startOne(1);
  }, testMs);

  test(
    "C2: sessions of an instance that starts again at once do not wait for its old term",
    async () => {
      const session = await openAt(1);
      const { instance } = await findGateway(instances.all[1]?.directory ?? "");
      await instances.all[1]?.kill9();
      // By itself, the old term would never end.
      const found = await instances.engine.tell(`KEYS *:i:${instance}`);
      const persisted = await instances.engine.tell(`PERSIST ${/\S+:i:\S+/.exec(found)?.[0]}`);
      expect(persisted.trim()).toBe(":1");
      await instances.startOne(1);
      const nonces = [0, 1, 2].map((place) =>
        resumeRpcSession(at(place), session.id).callTool(place, "nonce", { nonce: `${place}` })
      );
      expect(await Promise.all(nonces)).toEqual(["0", "1", "2"]);
      await session.end();
    },
    testMs,
  );

  test(
    "G7: an instance that an operator drains at another one leaves no client behind",
    async () => {
      const sessions = await Promise.all([0, 1, 2, 1, 1].map(openAt));
      const [, leaving] = instances.all;
      const name = (await findGateway(leaving?.directory ?? "")).instance;
      const { directory = "" } = instances.all[0] ?? {};
      const env = { MCP_DATA_DIR: `${directory}/data`, MCP_CONFIG: `${directory}/mcp.json` };
      let isOver = false;
      const wrong: string[] = [];
      let calls = 0;
      const clients = sessions.map(async ({ id }) => {
        const session = resumeRpcSession(`${instances.url}${path}`, id);
        for (let turn = 1; !isOver; turn += 1) {
          calls += 1;
          const nonce = `${id} ${turn}`;
          const got = await session.callTool(turn, "nonce", { nonce }).catch(String);
          if (got !== nonce) wrong.push(`${nonce} got ${got}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      });
      await runCliJson(["drain", name], { cwd: directory, env });
      await until("it has stopped", async () => {
        return await fetch(`${leaving?.url}/ready`).then(() => false, () => true);
      });
      isOver = true;
      await Promise.all(clients);
      expect([wrong, calls > sessions.length]).toEqual([[], true]);
      const listed = await runCliJson<{ instances: { name: string }[] }>(
        ["status"],
        { cwd: directory, env },
      );
      expect(listed.instances.map((one) => one.name)).not.toContain(name);
      expect(listed.instances.length).toBe(2);
    },
    testMs,
  );
});
