/** Temporary failures say when to retry: in the header, and in the error for SDK clients. */
import { describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../../src/error_table.ts";
import { GatewayError } from "../../../src/errors.ts";
import { createHarness, request } from "../../support/http_harness.ts";
import { slowCalls } from "../../support/slow_calls.ts";
import { ask, askSlow } from "../../support/stateless_client.ts";

type Failing = { readonly error: { readonly data: { readonly retryAfterMs?: number } } };

const passing: readonly ErrorCode[] = [
  "overloaded",
  "session_limit",
  "store_unavailable",
  "draining",
];

describe("a temporary refusal", () => {
  for (const code of passing) {
    for (const transport of ["Streamable HTTP", "stateless"] as const) {
      test(`says when to try again: ${code}, ${transport}`, async () => {
        const harness = createHarness();
        const session = await harness.connect();
        const answer = transport === "stateless"
          ? askSlow(harness)
          : session.post(request(1, "tools/call", { name: "slow", arguments: {} }));
        const call = await harness.gateway.nextCall();
        call.fail(new GatewayError(code));
        const response = await answer;
        expect(response.status).toBe(503);
        expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
        const { error } = await response.json() as Failing;
        expect(error.data.retryAfterMs).toBeGreaterThan(0);
      });
    }
  }

  for (const [transport, begin] of Object.entries(slowCalls)) {
    test(`says so on a stream, too: ${transport}`, async () => {
      const harness = createHarness();
      const { call, stream } = await begin(harness);
      call.notice("notifications/progress", { progress: 1 });
      const frames = await stream();
      await frames.message();
      await harness.passGap();
      call.fail(new GatewayError("overloaded", "full", { data: { server: "a" } }));
      expect(await frames.message()).toMatchObject({
        error: { data: { reason: "overloaded", server: "a", retryAfterMs: 1_000 } },
      });
    });
  }

  test("names the more precise time", async () => {
    const harness = createHarness();
    const answer = ask(harness, "tools/call", { name: "slow", arguments: {} });
    const call = await harness.gateway.nextCall();
    call.fail(new GatewayError("overloaded", "full", { data: { retryAfterMs: 4_200 } }));
    const response = await answer;
    expect(response.headers.get("retry-after")).toBe("5");
    const { error } = await response.json() as Failing;
    expect(error.data.retryAfterMs).toBe(4_200);
  });

  test("of a gateway with too many calls, sessions or streams says so as well", async () => {
    const limits = { statelessCallsMax: 1, sessionCallsMax: 1 };
    const harness = createHarness({ limits });
    const session = await harness.connect();
    const open = [askSlow(harness, { id: 1 })];
    await harness.gateway.nextCall();
    const call = (id: number) => session.post(request(id, "tools/call", { name: "slow" }));
    open.push(call(1));
    await harness.gateway.nextCall();
    for (const response of [await askSlow(harness, { id: 2 }), await call(2)]) {
      expect(response.status).toBe(503);
      expect(response.headers.get("retry-after")).toBe("1");
      const { error } = await response.json() as Failing;
      expect(error.data.retryAfterMs).toBe(1_000);
    }
    await harness.handler.close();
    await Promise.all(open);
  });
});
