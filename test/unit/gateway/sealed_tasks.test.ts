/** Task ids that clients of the Tasks extension get: the gateway keeps nothing of their tasks. */
import { expect, test } from "bun:test";
import { systemClock } from "../../../src/clock.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { Call, Caller, Exchange } from "../../../src/model.ts";
import { createExchange } from "../../../src/upstream/exchange_source.ts";
import { createCoreGateway, endOf, statelessCaller } from "../../support/core_gateway.ts";
import { createFakeUpstream } from "../../support/fake_upstream.ts";

const extension = "io.modelcontextprotocol/tasks";

test(
  "of 10,000 tasks of one client the first is reached like the last, and no other's",
  async () => {
    const fake = createFakeUpstream("disk", { tools: [{ name: "long" }] });
    fake.capabilities = { ...fake.capabilities, extensions: { [extension]: {} } };
    let count = 0;
    fake.reply = ({ method, params }: Call): Exchange => {
      const source = createExchange({ limits: defaultLimits, clock: systemClock }, {
        cancelled: () => {},
        asking: () => {},
      });
      const isTask = method === "tools/call";
      const taskId = isTask ? `task-${count += 1}` : params["taskId"];
      const value = { taskId, status: "working", statusMessage: String(taskId) };
      source.end({ kind: "result", value, ...(isTask && { isTask }) });
      return source.exchange;
    };
    const gateway = await createCoreGateway([fake]);
    const caller = (id: string): Caller => ({
      ...statelessCaller(id),
      capabilities: { extensions: { [extension]: {} } },
    });
    const ann = caller("user:ann");
    const ids: unknown[] = [];
    for (let at = 0; at < 10_000; at += 1) {
      const made = await endOf(gateway, ann, "tools/call", { name: "disk__long" });
      ids.push(made.kind === "result" ? made.value["taskId"] : undefined);
    }
    expect(new Set(ids).size).toBe(10_000);
    for (const at of [0, 4_999, 9_999]) {
      const taskId = ids[at];
      expect(await endOf(gateway, ann, "tasks/get", { taskId }))
        .toMatchObject({ value: { taskId, statusMessage: `task-${at + 1}` } });
      expect(await endOf(gateway, caller("user:bob"), "tasks/get", { taskId }))
        .toMatchObject({ kind: "failure", error: { code: "invalid_params" } });
    }
  },
  60_000,
);
