/**
 * Several gateways without an engine that have one secret: stateless clients in front of remote
 * servers and web APIs are served by whichever they reach, and a question that one of them passed on
 * is answered at another.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startHttpFixture } from "../conformance/start_fixture.ts";
import { countingRecipe, serveCounting, serveCountingApi } from "../support/counting_server.ts";
import { type SpawnedInstances, spawnInstances } from "../support/spawned_instances.ts";
import {
  answersTo,
  createStatelessCaller,
  everything,
  type StatelessCaller,
  textIn,
} from "../support/stateless_caller.ts";

const testMs = 240_000;
const places = [0, 1, 2];

describe("three gateways with one secret and no engine", () => {
  let instances: SpawnedInstances;
  let far: Awaited<ReturnType<typeof serveCounting>>;
  let web: Awaited<ReturnType<typeof serveCountingApi>>;
  let asking: { readonly url: string; readonly child: ChildProcess };
  beforeAll(async () => {
    far = await serveCounting("sessions");
    web = await serveCountingApi();
    asking = await startHttpFixture("modern");
    instances = await spawnInstances({
      hasEngine: false,
      servers: {
        far: { url: far.url },
        web: { recipe: "./orders.json" },
        asking: { url: asking.url },
      },
      prepare: (directory) =>
        writeFileSync(join(directory, "orders.json"), JSON.stringify(countingRecipe(web.url))),
    });
  }, testMs);
  afterAll(async () => {
    await instances?.dispose();
    asking?.child.kill("SIGKILL");
    await far?.close();
    await web?.close();
  }, testMs);

  const callerAt = (url: string | undefined): StatelessCaller =>
    createStatelessCaller((path, init) => fetch(`${url}${path}`, init), "/mcp", everything);

  test(
    "serve lists, calls and reads wherever they arrive, and carry each call out once",
    async () => {
      const caller = callerAt(instances.url);
      const names = new Set<string>();
      for (const place of places) {
        const { result } = await caller.ask("tools/list", {});
        names.add(JSON.stringify(result?.["tools"]));
        for (const server of ["far", "web"]) {
          const call = `${server} ${place}`;
          const answer = await caller.call(`${server}__work`, { call, fault: "none" });
          expect(textIn(answer)).toMatch(/done|order/);
        }
      }
      expect(names.size).toBe(1);
      expect([...far.executions]).toEqual(places.map((place) => [`far ${place}`, 1]));
      expect([...web.executions]).toEqual(places.map((place) => [`web ${place}`, 1]));
    },
    testMs,
  );

  test("take the answers to questions that another one passed on", async () => {
    const [first, second, third] = instances.all.map(({ url }) => callerAt(url));
    const name = "asking__test_input_required_result_multi_round";
    const given = { action: "accept", content: { name: "Ada", color: "red" } };
    let answer = await first?.call(name, {});
    for (const next of [second, third]) {
      if (answer?.result?.resultType !== "input_required") break;
      answer = await next?.call(name, {}, answersTo(answer, given));
    }
    expect(JSON.stringify(answer?.result)).toMatch(/Ada.*red/);
  }, testMs);
});
