/**
 * A gateway that other machines reach and that asks for no credentials: clients are distinguished by
 * their addresses, so one that takes all it can keeps no other out. Real sockets from several
 * addresses of this machine.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { initialize, jsonHeaders } from "../support/http_harness.ts";
import { type OpenGateway, startOpenGateway } from "../support/open_gateway.ts";
import { ask } from "../support/stateless_client.ts";

const testMs = 60_000;
const greedyAddress = "127.0.0.2";
const otherAddresses = ["127.0.0.3", "127.0.0.4", "127.0.0.5"];
const limits = { principalSessionsMax: 4, sessionsMax: 8 };
let gateway: OpenGateway;

beforeAll(async () => {
  gateway = await startOpenGateway({ one: { echo: true } }, limits);
}, testMs);

afterAll(() => gateway.close(), testMs);

const open = (address: string) =>
  gateway.from(address)("POST", "/mcp", { headers: jsonHeaders, body: initialize("2025-11-25") });

const call = (address: string) =>
  ask({ send: gateway.from(address) }, "tools/call", { name: "say", arguments: { text: "hello" } });

test(
  "C9: one address that takes all sessions and floods with calls keeps no other out",
  async () => {
    const opened = await Promise.all(Array.from({ length: 20 }, () => open(greedyAddress)));
    const statuses = opened.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBe(limits.principalSessionsMax);
    const refused = opened.filter(({ status }) => status === 429);
    expect(refused.length).toBe(20 - limits.principalSessionsMax);
    for (const { headers } of refused) {
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(1);
    }
    const flood = Array.from({ length: 60 }, () => call(greedyAddress));
    for (const address of otherAddresses) {
      expect((await open(address)).status).toBe(200);
      expect(await (await call(address)).text()).toContain('"result"');
    }
    await Promise.all(flood);
  },
  testMs,
);
