import { createTestRates } from "../../support/rates.ts";
import { defaultTables } from "../../../src/app.ts";
import { next } from "../../support/pull.ts";
import { describe, expect, test } from "bun:test";
import { anonymous } from "../../../src/auth/none.ts";
import { systemClock } from "../../../src/clock.ts";
import { GatewayError, withOutcome } from "../../../src/errors.ts";
import { failureExchange } from "../../../src/gateway/exchange.ts";
import { createGatewayCore } from "../../../src/gateway/gateway.ts";
import { createSurfaceResolver, surfaceKinds } from "../../../src/http/surface_kinds.ts";
import { defaultLimits } from "../../../src/limits.ts";
import type { JsonObject } from "../../../src/model.ts";
import { createSealer, makeKey } from "../../../src/seal.ts";
import { createFakeUpstream, type FakeUpstream } from "../../support/fake_upstream.ts";
import { createTestLog } from "../../support/log.ts";

const serverConfig = {
  kind: "failed",
  problem: "",
  callTimeoutMs: 60_000,
  startTimeoutMs: 60_000,
  idleTimeoutMs: 60_000,
  tools: {},
} as const;

/** The error of a call on a gateway with these servers. */
async function failOn(
  fakes: readonly FakeUpstream[],
  params: JsonObject,
  surface = "/mcp",
): Promise<GatewayError> {
  const gateway = createGatewayCore({
    rates: createTestRates(),
    resolveSurface: createSurfaceResolver(surfaceKinds),
    ...defaultTables,
    emit: () => {},
    servers: {
      servers: fakes.map(({ name }) => ({ ...serverConfig, name })),
      names: "auto",
      warnings: [],
      files: [],
      secrets: [],
    },
    create: ({ name }) => fakes.find((fake) => fake.name === name) ?? createFakeUpstream(name),
    sameServer: () => true,
    limits: { ...defaultLimits, firstListMs: 50, listMs: 50, listKnownMs: 5 },
    clock: systemClock,
    log: createTestLog(),
    sealer: await createSealer(makeKey()),
    instance: "this-gateway",
    debug: false,
    tryServers: false,
  });
  const caller = {
    principal: anonymous,
    scope: "s",
    revision: "any",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  };
  const call = { method: "tools/call", params, wantsProgress: false, caller };
  const reply = await next(gateway.call(surface, call));
  if (reply.kind !== "failure") throw new Error(`it did not fail: ${JSON.stringify(reply)}`);
  return reply.error;
}

const serverError = (code: number, message: string, data?: unknown) =>
  new GatewayError("upstream_error", message, { upstream: { code, message, data } });

describe("a call that fails says whether it took effect", () => {
  test("unknown, if its failure does not say", async () => {
    const fake = createFakeUpstream("a");
    fake.reply = () => failureExchange(new GatewayError("bad_upstream_response", "It is odd"));
    const error = await failOn([fake], { name: "x" });
    expect(error.toRpc()).toEqual({
      code: -32603,
      message: "It is odd; whether it took effect is unknown",
      data: { reason: "bad_upstream_response", outcome: "unknown" },
    });
  });

  test("as the source of the failure says", async () => {
    const fake = createFakeUpstream("a");
    for (const outcome of ["not_sent", "refused", "unknown"] as const) {
      fake.reply = () => failureExchange(withOutcome(new GatewayError("overloaded"), outcome));
      expect((await failOn([fake], { name: "x" })).outcome).toBe(outcome);
    }
  });

  test("not sent, if no server got it", async () => {
    const fake = createFakeUpstream("a", { tools: [{ name: "x" }] });
    const other = createFakeUpstream("b", { tools: [{ name: "x" }] });
    const gone = await failOn([fake], { name: "x" }, "/servers/none/mcp");
    expect([gone.code, gone.outcome]).toEqual(["path_unknown", "not_sent"]);
    const unknown = await failOn([fake, other], { name: "c__x" });
    expect([unknown.code, unknown.outcome]).toEqual(["invalid_params", "not_sent"]);
    const nameless = await failOn([fake], {});
    expect(nameless.toRpc().data).toEqual({ outcome: "not_sent" });
    // A list is not the call, whatever came of it.
    other.broken = withOutcome(new GatewayError("upstream_timeout", "It is late"), "unknown");
    const unlisted = await failOn([fake, other], { name: "b__x" });
    expect([unlisted.message, unlisted.outcome]).toEqual(["It is late", "not_sent"]);
  });
});

describe("a server's own error says whether the call took effect", () => {
  const outcomeOf = (code: number, message = "no", data?: unknown) =>
    serverError(code, message, data).toRpc().data;

  test("refused, where its code stands for a refusal before any work", () => {
    for (const code of [-32700, -32600, -32601, -32602, -32002, -32042]) {
      expect([code, outcomeOf(code)]).toEqual([code, { outcome: "refused" }]);
    }
  });

  test("unknown for every other code", () => {
    for (const code of [-32603, -32000, -32001, 0, 1, 500]) {
      expect([code, outcomeOf(code)]).toEqual([code, { outcome: "unknown" }]);
    }
  });

  test("unknown, where the SDK finds the result of the tool invalid", () => {
    for (
      const message of [
        "MCP error -32602: Output validation error: Invalid structured content for tool x",
        "Tool x has an output schema but no structured content was provided",
      ]
    ) expect(outcomeOf(-32602, message)).toEqual({ outcome: "unknown" });
  });

  test("next to the server's data, whatever that is", () => {
    expect(outcomeOf(1, "no", { hint: "try" })).toEqual({ hint: "try", outcome: "unknown" });
    for (const data of ["text", 0, null, false, ["list"]]) {
      expect(outcomeOf(1, "no", data)).toEqual({ value: data, outcome: "unknown" });
    }
  });

  test("in the gateway's words: a server can only make it less certain", () => {
    expect(outcomeOf(-32603, "no", { outcome: "not_sent" })).toEqual({ outcome: "unknown" });
    expect(outcomeOf(-32602, "no", { outcome: "unknown" })).toEqual({ outcome: "unknown" });
  });
});

describe("the message of a failure", () => {
  test("says that the effect is unknown exactly if its data does", () => {
    const error = new GatewayError("upstream_exited", undefined, { data: { outcome: "unknown" } });
    expect(error.message.match(/is unknown/g)).toHaveLength(1);
    expect(withOutcome(error, "unknown").message).toBe(error.message);
    const unsent = withOutcome(error, "not_sent");
    expect(unsent.message).toBe("The server stopped while it worked on this call");
    expect(withOutcome(unsent, "unknown").message.match(/is unknown/g)).toHaveLength(1);
  });
});
