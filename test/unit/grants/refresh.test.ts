/** Grants are refreshed ahead of time, once for all, and never lost by a lost answer. */
import { describe, expect, test } from "bun:test";
import { createMemoryGrantStore } from "../../../src/store/memory_grants.ts";
import { defaultLimits } from "../../../src/limits.ts";
import { runClock } from "../../support/clock.ts";
import { startGrantGateway, tokenOf } from "../../support/grant_gateway.ts";

const hourMs = 3_600_000;

/** A gateway in which ada has logged in. */
async function startGranted(options: Parameters<typeof startGrantGateway>[0] = {}) {
  const gateway = await startGrantGateway(options);
  await gateway.call("user:ada");
  await gateway.logIn("user:ada");
  const refreshes = () =>
    gateway.far.at("/token").filter(({ form }) => form.get("grant_type") === "refresh_token");
  return { ...gateway, refreshes, ada: () => gateway.get("user:ada") };
}

describe("a grant", () => {
  test("is refreshed by one request for 200 calls at the moment of expiry", async () => {
    const gateway = await startGranted();
    const { clock, ada, refreshes, far } = gateway;
    const before = tokenOf(await ada());
    clock.advance(hourMs + 1);
    const credentials = await Promise.all(Array.from({ length: 200 }, ada));
    const tokens = new Set(credentials.map(tokenOf));
    expect(tokens.size).toBe(1);
    expect(tokens.has(before)).toBe(false);
    expect(refreshes()).toHaveLength(1);
    expect(refreshes()[0]?.form.get("resource")).toBe(far.url);
    await gateway.close();
  });

  test("is refreshed ahead of expiry, while calls go on with the old token", async () => {
    const gateway = await startGranted();
    const { clock, ada, refreshes } = gateway;
    const before = tokenOf(await ada());
    clock.advance(hourMs - 30_000);
    expect(tokenOf(await ada())).toBe(before ?? "none");
    while (refreshes().length === 0 || tokenOf(await ada()) === before) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(refreshes()).toHaveLength(1);
    await gateway.close();
  });

  test("that the server refuses is refreshed once for all who were refused", async () => {
    const gateway = await startGranted();
    const { call, refreshes, far } = gateway;
    far.expire();
    const statuses = await Promise.all(Array.from({ length: 50 }, () => call("user:ada")));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(refreshes()).toHaveLength(1);
    await gateway.close();
  });

  for (const [afterMs, state] of [[9_000, "needs_person"], [11_000, "ready"]] as const) {
    test(`whose new token of 20 s is refused after ${afterMs} ms is ${state}`, async () => {
      const gateway = await startGranted({ knobs: { expiresIn: 20 } });
      const { clock, ada, far, authorization, useOf, call } = gateway;
      far.expire();
      expect(await call("user:ada")).toBe(200);
      const credential = await ada();
      if (credential.state !== "ready") throw new Error(credential.problem);
      clock.advance(afterMs);
      far.expire();
      const refusal = { status: 401, challenge: "Bearer", nonce: undefined };
      const { signal } = new AbortController();
      await authorization.renew(credential.context, useOf("user:ada"), signal, refusal);
      expect((await ada()).state).toBe(state);
      await gateway.close();
    });
  }

  test("is stored before its new token is used", async () => {
    const limits = defaultLimits;
    const inner = createMemoryGrantStore({ limits });
    let saved = "";
    const store: typeof inner = {
      ...inner,
      async save(key, grant) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        saved = grant.token;
        return await inner.save(key, grant);
      },
    };
    const gateway = await startGranted({ store });
    gateway.clock.advance(hourMs + 1);
    expect(tokenOf(await gateway.ada())).toBe(saved);
    await gateway.close();
  });

  test("survives a restart, and is refreshed then", async () => {
    const gateway = await startGranted();
    const { far, store, ada } = gateway;
    const before = tokenOf(await ada());
    const next = await startGrantGateway({ far, store });
    expect(tokenOf(await next.get("user:ada"))).toBe(before ?? "none");
    next.clock.advance(hourMs + 1);
    expect(far.takes(tokenOf(await next.get("user:ada")) ?? "")).toBe(true);
    // The first gateway uses what the second one stored.
    gateway.clock.advance(hourMs + 1);
    expect(far.takes(tokenOf(await ada()) ?? "")).toBe(true);
    next.grants.close();
    await gateway.close();
  });

  for (const rotates of [false, true]) {
    const name = rotates
      ? "ends if the issuer replaced the old one"
      : "tries the old one once more";
    test(`whose new token was lost on the way ${name}`, async () => {
      const gateway = await startGranted({ knobs: { rotates } });
      const { clock, ada, refreshes, far } = gateway;
      far.knobs.token = "lose";
      clock.advance(hourMs + 1);
      expect((await ada()).state).toBe(rotates ? "needs_person" : "ready");
      const [first, second, ...more] = refreshes();
      expect(second?.form.get("refresh_token")).toBe(first?.form.get("refresh_token") ?? "none");
      expect(more).toEqual([]);
      await gateway.close();
    });
  }

  test("that the issuer ended needs its person, and says why in the report", async () => {
    const gateway = await startGranted();
    const { clock, ada, far, grants, refreshes, events } = gateway;
    far.endRefreshTokens();
    clock.advance(hourMs + 1);
    expect((await ada()).state).toBe("needs_person");
    expect((await ada()).state).toBe("needs_person");
    expect(refreshes()).toHaveLength(1);
    expect(await grants.hasGrant("far", "user:ada")).toBe(false);
    const [report] = await grants.reports("far");
    expect(report?.failure).toMatchObject({ isFinal: true });
    expect(report?.failure?.problem).toContain("invalid_grant");
    expect(events).toContainEqual(expect.objectContaining({ type: "grant_step", step: "ended" }));
    await gateway.logIn("user:ada");
    expect((await ada()).state).toBe("ready");
    await gateway.close();
  });

  const failures = [
    { token: "hang", says: "cannot be reached" },
    { token: "html", says: "unreadable body" },
    { token: "redirect", says: "redirects" },
    { token: "fail", says: "status 503" },
  ] as const;
  for (const { token, says } of failures) {
    test(`whose issuer does "${token}" fails in words, and is left alone for a while`, async () => {
      const gateway = await startGranted({ limits: { grantRequestMs: 1_000 } });
      const { clock, ada, far, refreshes } = gateway;
      clock.advance(hourMs + 1);
      far.knobs.token = token;
      let isRunning = token === "hang";
      const stop = runClock(clock, () => isRunning);
      const outcome = await ada();
      isRunning = false;
      stop();
      expect(outcome).toMatchObject({ state: "failed" });
      expect(outcome.state === "failed" && outcome.problem).toContain(says);
      const asked = refreshes().length;
      expect((await ada()).state).toBe("failed");
      expect(refreshes()).toHaveLength(asked);
      expect(gateway.far.at("/elsewhere")).toEqual([]);
      far.knobs.token = "answer";
      clock.advance(120_000);
      expect((await ada()).state).toBe("ready");
      await gateway.close();
    });
  }

  test("without a refresh token needs its person when it is over", async () => {
    const gateway = await startGranted({ knobs: { refreshes: false } });
    const { clock, ada, call, far } = gateway;
    expect((await ada()).state).toBe("ready");
    far.expire();
    expect(await call("user:ada")).toMatchObject({ state: "needs_person" });
    await gateway.logIn("user:ada");
    clock.advance(hourMs + 1);
    expect((await ada()).state).toBe("needs_person");
    await gateway.close();
  });

  test("is never used at another URL", async () => {
    const gateway = await startGranted();
    const { grants, server, useOf } = gateway;
    const moved = grants.authorizationOf({ ...server, url: "http://127.0.0.1:9/mcp" });
    const credential = await moved.get(useOf("user:ada", "read"), new AbortController().signal);
    expect(credential).toMatchObject({ state: "needs_person" });
    await gateway.close();
  });

  test("is revoked and forgotten by a log-out, and with its server", async () => {
    const gateway = await startGranted();
    const { grants, far, ada, store } = gateway;
    const token = tokenOf(await ada()) ?? "";
    expect(await grants.logOut("far", "user:ada")).toBe(1);
    expect(far.takes(token)).toBe(false);
    expect(far.at("/revoke")).toHaveLength(2);
    expect((await gateway.get("user:ada", "read")).state).toBe("needs_person");
    await gateway.logIn("user:ada");
    grants.keep(["far"]);
    expect(await store.list()).toHaveLength(1);
    grants.keep([]);
    while ((await store.list()).length > 0 || far.at("/revoke").length < 4) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await gateway.close();
  });

  test("leaves no token in the log and in no event", async () => {
    const gateway = await startGranted();
    const { clock, ada, log, events, secrets, far } = gateway;
    clock.advance(hourMs + 1);
    await ada();
    const shown = JSON.stringify([log.records, events]);
    const tokens = secrets.filter((text) => text !== "");
    expect(tokens.length).toBeGreaterThanOrEqual(4);
    for (const secret of tokens) expect(shown).not.toContain(secret);
    for (const { form } of far.at("/token")) {
      for (const name of ["code", "code_verifier"]) {
        const value = form.get(name);
        if (value !== null) expect(shown).not.toContain(value);
      }
    }
    await gateway.close();
  });
});
