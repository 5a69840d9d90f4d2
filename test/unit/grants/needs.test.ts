/** When a server's requests need a grant, need more scopes, or need a person again. */
import { describe, expect, test } from "bun:test";
import { emptyContext, type Refusal } from "../../../src/outgoing/authorization.ts";
import { patient, startGrantGateway, tokenOf } from "../../support/grant_gateway.ts";
import { startGrantIssuer } from "../../support/grant_issuer.ts";

const refusal = (status: number, challenge?: string): Refusal => ({
  status,
  challenge,
  nonce: undefined,
});
const needsPerson = { state: "needs_person", problem: "needs a log-in" };

describe("a server", () => {
  test("is asked without a grant until it wants one", async () => {
    const gateway = await startGrantGateway();
    const { get, grants } = gateway;
    expect(await get("user:ada", "read")).toMatchObject({ state: "ready", context: emptyContext });
    expect(await grants.hasGrant("far", "user:ada")).toBeUndefined();
    await gateway.call("user:ada", "read");
    expect(await get("user:ada", "read")).toMatchObject(needsPerson);
    expect(await get("user:bob", "read")).toMatchObject(needsPerson);
    expect(await grants.hasGrant("far", "user:ada")).toBe(false);
    // It may list its tools to everyone, until it says that it does not.
    expect((await get("user:bob")).state).toBe("ready");
    await gateway.close();
  });

  test("that wants a grant of its own for each gets none for all clients together", async () => {
    const gateway = await startGrantGateway();
    const { call, get, logIn, authorization, useOf } = gateway;
    await call("user:ada");
    await logIn("user:ada");
    for (const principal of ["", "anonymous", "admin:owner"]) {
      expect((await get(principal)).state).toBe("ready");
      expect(tokenOf(await get(principal, "read"))).toBeUndefined();
      const use = useOf(principal);
      expect(await authorization.renew(emptyContext, use, patient, refusal(401, "Bearer"))).toBe(
        true,
      );
      expect(await get(principal)).toMatchObject(needsPerson);
    }
    await gateway.close();
  });

  test("with a shared grant gets it from all", async () => {
    const gateway = await startGrantGateway({ oauth: { grant: "shared" } });
    const { call, grants, logIn } = gateway;
    expect(grants.principalFor("far", "user:ada")).toBe("");
    await call("anonymous");
    await logIn("");
    for (const principal of ["", "anonymous", "user:ada"]) expect(await call(principal)).toBe(200);
    await gateway.close();
  });

  test("fails in words where no grant can be used, once it wants one", async () => {
    const gateway = await startGrantGateway({ oauth: { grant: "shared", problem: "is open" } });
    expect((await gateway.get("anonymous", "read")).state).toBe("ready");
    expect(await gateway.call("anonymous")).toEqual({ state: "failed", problem: "is open" });
    await expect(gateway.begin("")).rejects.toThrow('Server "far" is open');
    await gateway.close();
  });

  test("is known to want a grant without a challenge if it describes its issuer", async () => {
    const gateway = await startGrantGateway({ knobs: { challenge: null } });
    expect(await gateway.call("user:ada")).toMatchObject(needsPerson);
    await gateway.logIn("user:ada");
    expect(await gateway.call("user:ada")).toBe(200);
    await gateway.close();
  });

  test("that refuses by another scheme, or describes no issuer, wants no grant", async () => {
    const gateway = await startGrantGateway({ knobs: { challenge: null, resource: null } });
    const { authorization, useOf } = gateway;
    const renew = (header?: string) =>
      authorization.renew(emptyContext, useOf("user:ada"), patient, refusal(401, header));
    expect(await renew('Basic realm="x"')).toBe(false);
    expect(await renew()).toBe(false);
    expect(await gateway.call("user:ada")).toBe(401);
    await gateway.close();
  });

  test("that wants more scopes for a tool gets a log-in for all of them", async () => {
    const gateway = await startGrantGateway({ knobs: { challenge: { scope: "basic" } } });
    const { call, logIn, get, authorization, useOf, begin } = gateway;
    await call("user:ada");
    await logIn("user:ada");
    const credential = await get("user:ada", "write");
    const context = credential.state === "ready" ? credential.context : emptyContext;
    const use = useOf("user:ada", "write");
    const more = refusal(403, 'Bearer error="insufficient_scope", scope="write"');
    expect(await authorization.renew(context, use, patient, refusal(403, "Bearer"))).toBe(false);
    expect(await authorization.renew(context, use, patient, more)).toBe(true);
    expect(await get("user:ada", "write")).toEqual({
      state: "needs_person",
      problem: "needs a log-in that grants more (write)",
    });
    // Other tools go on with what there is.
    expect((await get("user:ada", "read")).state).toBe("ready");
    const { url } = await begin("user:ada");
    expect(new URL(url).searchParams.get("scope")).toBe("basic write");
    await logIn("user:ada");
    expect((await get("user:ada", "write")).state).toBe("ready");
    await gateway.close();
  });

  test("that is never content gets three log-ins, and then a clear failure", async () => {
    const gateway = await startGrantGateway({ knobs: { challenge: { scope: "admin" } } });
    const { call, logIn, get, authorization, useOf, clock } = gateway;
    const use = useOf("user:ada", "write");
    const more = refusal(403, 'Bearer error="insufficient_scope", scope="admin"');
    await call("user:ada", "write");
    for (let login = 1; login <= 3; login += 1) {
      expect((await get("user:ada", "write")).state).toBe("needs_person");
      await logIn("user:ada");
      const credential = await get("user:ada", "write");
      const context = credential.state === "ready" ? credential.context : emptyContext;
      expect(await authorization.renew(context, use, patient, more)).toBe(true);
    }
    expect(await get("user:ada", "write")).toEqual({
      state: "failed",
      problem: "still refuses requests after 3 log-ins; it asks for the scopes admin",
    });
    clock.advance(600_001);
    expect((await get("user:ada", "write")).state).toBe("needs_person");
    await gateway.close();
  });

  for (const refreshes of [true, false]) {
    const how = refreshes ? "with a refresh token of the old one" : "without a refresh token";
    test(`that names another issuer gets a new log-in there, ${how}`, async () => {
      const other = await startGrantIssuer();
      const gateway = await startGrantGateway({ knobs: { refreshes } });
      const { call, logIn, far } = gateway;
      await call("user:ada");
      await logIn("user:ada");
      far.expire();
      far.knobs.resource = { authorization_servers: [other.issuer] };
      expect(await call("user:ada")).toMatchObject(needsPerson);
      const finished = await logIn("user:ada");
      expect(finished.issuer).toBe(other.issuer);
      expect(other.at("/register")).toHaveLength(1);
      const [first] = far.at("/token");
      expect(other.at("/token")[0]?.form.get("client_id")).not.toBe(
        first?.form.get("client_id") ?? "",
      );
      expect(far.at("/token")).toHaveLength(1);
      await other.close();
      await gateway.close();
    });
  }

  test("whose issuer forgot the gateway's client gets a new registration", async () => {
    const gateway = await startGrantGateway();
    const { call, logIn, far, begin } = gateway;
    await call("user:ada");
    far.knobs.token = "no_client";
    await expect(logIn("user:ada")).rejects.toThrow("invalid_client");
    far.knobs.token = "answer";
    await logIn("user:ada");
    expect(far.at("/register")).toHaveLength(2);
    // An issuer may show its error to the person alone: nothing comes back.
    for (let login = 0; login < 3; login += 1) await begin("user:bob");
    expect(far.at("/register")).toHaveLength(3);
    await gateway.close();
  });

  test("can be restarted without a loss, and is never called unauthenticated then", async () => {
    const gateway = await startGrantGateway();
    const { call, logIn, far, store } = gateway;
    await call("user:ada");
    await logIn("user:ada");
    far.endRefreshTokens();
    far.expire();
    await call("user:ada");
    const next = await startGrantGateway({ far, store });
    expect(await next.get("user:ada")).toMatchObject(needsPerson);
    expect(await next.get("user:bob", "read")).toMatchObject(needsPerson);
    next.grants.close();
    await gateway.close();
  });
});
