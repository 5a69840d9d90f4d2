/**
 * Tasks of principals that share a server: each reaches its own alone (tasks utility of 2025-11-25,
 * security considerations), and a right that is taken away covers the tasks that it allowed.
 */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { createTaskOwners } from "../../src/gateway/task_owners.ts";
import {
  type AccessGateway,
  type AccessSession,
  startWithAccess,
} from "../support/access_gateway.ts";
import { programCommand } from "../support/spawn_gateway.ts";

const server = programCommand("test/support/task_server.ts");
const entry = (isolation: string) => ({ ...server, isolation });
const people = { ann: { id: "user:ann" }, bob: { id: "user:bob" } };
const all = [{ what: "allow" }];

let own: AccessGateway;

beforeEach(async () => {
  const servers = { one: entry("shared"), two: entry("principal") };
  own = await startWithAccess({ servers, access: all, people });
});

afterEach(() => own.close());

const connect = (person: string, path: string): Promise<AccessSession> =>
  own.connect(person, { path, revision: "2025-11-25" });

async function startTask(session: AccessSession, name: string): Promise<string> {
  const made = await session.request("tools/call", { name, task: { ttl: 60_000 } });
  return String((made.result?.["task"] as JsonObject)["taskId"]);
}

const methods = ["tasks/get", "tasks/result", "tasks/cancel"];

for (
  const [server, sharing] of [["one", "all clients"], ["two", "the sessions of one principal"]]
) {
  for (const path of [`/servers/${server}/mcp`, "/mcp"]) {
    describe(`a task of a process for ${sharing}, at ${path}`, () => {
      const name = path === "/mcp" ? `${server}__long` : "long";

      test("is its principal's, in all of its sessions", async () => {
        const taskId = await startTask(await connect("ann", path), name);
        const other = await connect("ann", path);
        const { result } = await other.request("tasks/result", { taskId });
        expect(result).toMatchObject({ content: [{ type: "text", text: "run 1" }] });
      });

      test("does not exist for another principal", async () => {
        const mine = await connect("ann", path);
        const taskId = await startTask(mine, name);
        const other = await connect("bob", path);
        for (const method of methods) {
          const { error } = await other.request(method, { taskId });
          const unknown = await other.request(method, { taskId: "task-77" });
          expect(error?.message).toBe(unknown.error?.message.replace("task-77", taskId));
          expect(error?.code).toBe(-32602);
        }
        expect((await other.request("tasks/list")).result).toEqual({ tasks: [] });
        const state = await mine.request("tasks/get", { taskId });
        expect(state.result?.["status"]).not.toBe("cancelled");
      });

      test("is lost with the right to its tool", async () => {
        const session = await connect("ann", path);
        const taskId = await startTask(session, name);
        await own.setAccess([{ tools: "long", what: "deny" }, { what: "allow" }]);
        for (const method of methods) {
          expect((await session.request(method, { taskId })).error?.code).toBe(-32602);
        }
      });
    });
  }
}

describe("the owners of tasks", () => {
  const limits = { nameCharsMax: 9, ratedPrincipalsMax: 2, tasksMax: 2 };
  const [ann, ben, cat] = [{ id: "user:ann" }, { id: "user:ben" }, { id: "user:cat" }];
  const at = (taskId: string) => ({ server: "disk", taskId });

  test("an id that a server gives again is its latest owner's", () => {
    const owners = createTaskOwners(limits);
    owners.started(ann, at("1"), "long");
    owners.started(ben, at("1"), "slow");
    expect([ann, ben].map((one) => owners.toolOf(one, at("1")))).toEqual([undefined, "slow"]);
  });

  test("a principal with many tasks loses its own oldest ones, and no other's", () => {
    const owners = createTaskOwners(limits);
    owners.started(ann, at("1"), "long");
    for (const id of ["2", "3", "4"]) owners.started(ben, at(id), "long");
    expect(owners.toolOf(ann, at("1"))).toBe("long");
    expect(["2", "3", "4"].map((id) => owners.toolOf(ben, at(id)))).toEqual([
      undefined,
      "long",
      "long",
    ]);
  });

  test("of too many principals the one that started a task longest ago is forgotten", () => {
    const owners = createTaskOwners(limits);
    for (const one of [ann, ben, ann, cat]) owners.started(one, at(one.id.slice(-3)), "long");
    expect([ann, ben, cat].map((one) => owners.toolOf(one, at(one.id.slice(-3))))).toEqual([
      "long",
      undefined,
      "long",
    ]);
  });

  test("an id of excessive length is not remembered", () => {
    const owners = createTaskOwners(limits);
    owners.started(ann, at("1234567890"), "long");
    expect(owners.toolOf(ann, at("1234567890"))).toBeUndefined();
  });
});
