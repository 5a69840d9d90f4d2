/** Tokens in exchange for JWTs of the platform (RFC 7523, 2.1), against real servers. */
import { afterEach, describe, expect, test } from "bun:test";
import type { WorkloadConfig } from "../../../src/config/config.ts";
import { createTestClock } from "../../support/clock.ts";
import { never, useOf } from "../../support/credentials.ts";
import { serveTokens, tokenReply, type TokenServer } from "../../support/token_server.ts";
import { openKind } from "../../support/token_kinds.ts";

const servers: TokenServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const encode = (value: unknown) => btoa(JSON.stringify(value)).replace(/=+$/, "");
/** A JWT of the platform; its signature is of no interest here. */
const jwtOf = (subject: string, id: string) =>
  `${encode({ alg: "ES256" })}.${encode({ iss: "https://p.test", sub: subject, jti: id })}.c2ln`;

async function open(
  config: Partial<WorkloadConfig> = {},
  reply: TokenServer["reply"] = ({ count }) => tokenReply(`token-${count}`, { expires_in: 600 }),
) {
  const tokens = await serveTokens(reply);
  servers.push(tokens);
  const clock = createTestClock();
  const files = new Map<string, string | undefined>([["/jwt", `${jwtOf("pod", "1")}\n`]]);
  const credentials: WorkloadConfig = {
    type: "workload",
    tokenUrl: tokens.tokenUrl,
    assertion: { file: "/jwt" },
    ...config,
  };
  return { tokens, clock, files, ...openKind({ credentials, clock, files }) };
}

describe("a workload", () => {
  test("exchanges the platform's JWT for a token, without a client's secret", async () => {
    const { tokens, sent } = await open({ clientId: "pods", scope: "read", resource: "https://r" });
    expect(await sent()).toBe("Bearer token-1");
    const [request] = tokens.requests;
    expect(request?.headers["authorization"]).toBeUndefined();
    expect(request?.form).toEqual({
      grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
      assertion: jwtOf("pod", "1"),
      client_id: "pods",
      scope: "read",
      resource: "https://r",
    });
  });

  test("sends the JWT that its file has at that moment", async () => {
    const { tokens, sent, clock, files } = await open();
    await sent();
    files.set("/jwt", jwtOf("pod", "2"));
    // The platform replaced the JWT of the same workload: the token stays good.
    expect(await sent()).toBe("Bearer token-1");
    clock.advance(600_000);
    expect(await sent()).toBe("Bearer token-2");
    expect(tokens.requests.map(({ form }) => form["assertion"]))
      .toEqual([jwtOf("pod", "1"), jwtOf("pod", "2")]);
  });

  test("of another name gets a token of its own", async () => {
    const { sent, files } = await open();
    await sent();
    files.set("/jwt", jwtOf("other-pod", "1"));
    expect(await sent()).toBe("Bearer token-2");
  });

  test("whose file is gone sends nothing", async () => {
    const { tokens, problem, files } = await open();
    files.delete("/jwt");
    expect(await problem()).toContain("the file of credentials.assertion does not exist");
    files.set("/jwt", "two words");
    expect(await problem()).toContain("credentials.assertion: expected a token without spaces");
    expect(tokens.requests.length).toBe(0);
  });

  test("causes one request for 200 calls", async () => {
    const { tokens, authorization } = await open();
    const all = await Promise.all(
      Array.from({ length: 200 }, () => authorization.get(useOf(), never)),
    );
    expect(all.every(({ state }) => state === "ready")).toBe(true);
    expect(tokens.requests.length).toBe(1);
  });

  for (const code of ["invalid_grant", "invalid_scope", "unauthorized_client"]) {
    test(`whose JWT is refused (${code}) asks no more for a while, and by no other grant`, async () => {
      const reply = () => ({ status: 400, body: { error: code, error_description: "hunter2" } });
      const { tokens, problem, deps, clock } = await open({}, reply);
      const told = await problem();
      expect(told).toContain(`(${code})`);
      expect(told).not.toContain("hunter2");
      expect(told).not.toContain(jwtOf("pod", "1"));
      expect(JSON.stringify(deps.records)).not.toContain(jwtOf("pod", "1"));
      await problem();
      clock.advance(deps.limits.credentialRefusedMs - 1);
      await problem();
      expect(tokens.requests.length).toBe(1);
    });
  }
});
