/**
 * The path of the principal from the request to the gateway and to the store, in both eras.
 */
import { describe, expect, test } from "bun:test";
import { sha256Hex } from "../../../src/seal.ts";
import { createMemorySessionStore } from "../../../src/store/memory_sessions.ts";
import { by, createHeaderAuthenticator } from "../../support/header_authenticator.ts";
import {
  createHarness,
  errorOf,
  type HarnessOptions,
  initialize,
  jsonHeaders,
  request,
  slowCall,
} from "../../support/http_harness.ts";
import { ask, askSlow } from "../../support/stateless_client.ts";

const open = (options: HarnessOptions = {}) =>
  createHarness({ authenticator: createHeaderAuthenticator(), ...options });

describe("a session", () => {
  async function connect({ send }: Pick<ReturnType<typeof open>, "send">, user: string) {
    const response = await send("POST", "/mcp", {
      headers: { ...jsonHeaders, ...by(user) },
      body: initialize("2025-11-25"),
    });
    await response.text();
    return response.headers.get("mcp-session-id") ?? "";
  }

  test("has the principal that opened it: in the store, in its watch and in its calls", async () => {
    const harness = open();
    const id = await connect(harness, "ada");
    const key = await sha256Hex(id);
    expect((await harness.store.find(key))?.principal).toBe("ada");
    expect(harness.gateway.watches.get(key)?.caller.principal).toEqual({ id: "ada" });
    const answer = harness.send("POST", "/mcp", {
      headers: { ...jsonHeaders, ...by("ada"), "mcp-session-id": id },
      body: slowCall(1),
    });
    const call = await harness.gateway.nextCall();
    expect(call.call.caller).toMatchObject({ principal: { id: "ada" }, scope: key });
    call.result({});
    expect((await answer).status).toBe(200);
  });

  test("after a restart continues only for its principal, and no other can end it", async () => {
    const store = createMemorySessionStore();
    const before = open({ store });
    const id = await connect(before, "ada");
    const { send, clock } = open({ store, clock: before.clock });
    const headersOf = (user: string) => ({ ...jsonHeaders, ...by(user), "mcp-session-id": id });
    for (const method of ["POST", "GET", "DELETE"]) {
      const body = method === "POST" ? { body: request(1, "ping") } : {};
      const response = await send(method, "/mcp", { headers: headersOf("bob"), ...body });
      expect(await errorOf(response)).toMatchObject({ status: 404, code: -32600 });
    }
    const ping = async () => {
      const body = request(2, "ping");
      const response = await send("POST", "/mcp", { headers: headersOf("ada"), body });
      await response.text();
      return response.status;
    };
    expect(await ping()).toBe(200);
    // Another's attempt is no activity.
    clock.advance(3_000_000);
    expect((await send("GET", "/mcp", { headers: headersOf("bob") })).status).toBe(404);
    clock.advance(600_002);
    expect(await ping()).toBe(404);
  });
});

describe("a stateless request", () => {
  test("has its principal, and a scope that no other principal has", async () => {
    const { send, gateway } = open();
    for (const user of ["ada", "bob", "ada"]) {
      const answer = askSlow({ send }, { headers: by(user) });
      const { call, result } = await gateway.nextCall();
      expect(call.caller).toMatchObject({ principal: { id: user }, scope: `p:${user}` });
      result({});
      expect((await answer).status).toBe(200);
    }
  });

  test("opens as many notification streams as its principal may, whatever others have open", async () => {
    const { send } = open({ limits: { listensPerPrincipalMax: 1 } });
    const listen = async (user: string) => {
      const params = { notifications: { toolsListChanged: true } };
      const response = await ask({ send }, "subscriptions/listen", params, { headers: by(user) });
      return response.status;
    };
    expect([await listen("ada"), await listen("bob")]).toEqual([200, 200]);
    expect(await listen("ada")).toBe(429);
  });
});
