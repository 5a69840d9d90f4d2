/** A person logs in at a protected server, and calls carry that person's grant and no other's. */
import { describe, expect, test } from "bun:test";
import { callback, patient, startGrantGateway, tokenOf } from "../../support/grant_gateway.ts";

describe("a log-in at a protected server", () => {
  test("gives the person's own grant to the person's calls", async () => {
    const gateway = await startGrantGateway();
    const { far, call, logIn, get, grants } = gateway;
    expect(await call("user:ada")).toEqual({ state: "needs_person", problem: "needs a log-in" });
    const finished = await logIn("user:ada");
    expect(finished).toMatchObject({ server: "far", principal: "user:ada", issuer: far.issuer });
    expect(finished.returnTo).toBe("/back");
    expect(await call("user:ada")).toBe(200);
    expect(far.takes(tokenOf(await get("user:ada")) ?? "")).toBe(true);
    // Another principal has none, and never goes without.
    expect(await get("user:bob", "read")).toMatchObject({ state: "needs_person" });
    expect(await grants.hasGrant("far", "user:ada")).toBe(true);
    expect(await grants.hasGrant("far", "user:bob")).toBe(false);
    await gateway.close();
  });

  test("sends PKCE, state and resource, and registers once", async () => {
    const gateway = await startGrantGateway();
    const { far, begin, logIn } = gateway;
    const url = new URL((await begin("user:ada")).url);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: "code",
      redirect_uri: callback,
      resource: far.url,
      code_challenge_method: "S256",
    });
    expect(url.searchParams.has("scope")).toBe(false);
    await logIn("user:bob");
    expect(far.at("/register")).toHaveLength(1);
    expect(far.at("/register")[0]?.json).toMatchObject({
      redirect_uris: [callback],
      grant_types: ["authorization_code", "refresh_token"],
      token_endpoint_auth_method: "none",
      application_type: "native",
    });
    expect(far.at("/token")[0]?.form.get("resource")).toBe(far.url);
    await gateway.close();
  });

  test("cannot be finished in another browser, or twice, or after ten minutes", async () => {
    const gateway = await startGrantGateway();
    const { far, begin, grants, clock } = gateway;
    const params = await far.follow((await begin("user:ada", "browser-1")).url);
    const finish = (browser: string) => grants.finish({ params, browser }, patient);
    await expect(finish("browser-2")).rejects.toThrow("was not begun in this browser");
    await finish("browser-1");
    await expect(finish("browser-1")).rejects.toThrow("was not begun in this browser");
    const late = await far.follow((await begin("user:ada")).url);
    clock.advance(600_001);
    const after = grants.finish({ params: late, browser: "user:ada" }, patient);
    await expect(after).rejects.toThrow("took too long");
    expect(far.at("/token")).toHaveLength(1);
    await gateway.close();
  });

  const answers = [
    { name: "no iss where it was advertised", knobs: { iss: null }, metadata: {} },
    { name: "the iss of another issuer", knobs: { iss: "https://evil.example" }, metadata: {} },
    {
      name: "another iss that was not advertised",
      knobs: { iss: "https://evil.example" },
      metadata: { authorization_response_iss_parameter_supported: undefined },
    },
    {
      name: "an error of another issuer",
      knobs: { iss: "https://evil.example", error: "access_denied" },
      metadata: {},
    },
  ];
  for (const { name, knobs, metadata } of answers) {
    test(`redeems no code of an answer with ${name}`, async () => {
      const gateway = await startGrantGateway({ knobs: { ...knobs, metadata } });
      await expect(gateway.logIn("user:ada")).rejects.toThrow("names another issuer, or none");
      expect(gateway.far.at("/token")).toEqual([]);
      await gateway.close();
    });
  }

  test("goes on without iss if the issuer does not advertise it", async () => {
    const metadata = { authorization_response_iss_parameter_supported: undefined };
    const gateway = await startGrantGateway({ knobs: { iss: null, metadata } });
    await gateway.logIn("user:ada");
    expect(await gateway.call("user:ada")).toBe(200);
    await gateway.close();
  });

  const refusals = [
    { name: "the person denies it", knobs: { error: "access_denied" }, says: "was denied" },
    { name: "the code is refused", knobs: { token: "refuse" }, says: "refuses the log-in" },
    { name: "the token endpoint redirects", knobs: { token: "redirect" }, says: "redirects" },
    { name: "the token endpoint answers HTML", knobs: { token: "html" }, says: "unreadable body" },
    { name: "the issuer fails", knobs: { token: "fail" }, says: "status 503" },
    { name: "registration is refused", knobs: { registration: "refuse" }, says: "oauth.clientId" },
  ] as const;
  for (const { name, knobs, says } of refusals) {
    test(`ends in words if ${name}`, async () => {
      const gateway = await startGrantGateway({ knobs });
      const login = gateway.logIn("user:ada");
      await expect(login).rejects.toThrow(says);
      await login.catch((thrown: Error) => {
        expect(thrown.message).not.toContain("secret words");
        expect(thrown.message).not.toContain("words of a stranger");
      });
      expect(await gateway.grants.hasGrant("far", "user:ada")).toBeUndefined();
      expect(gateway.far.at("/elsewhere")).toEqual([]);
      await gateway.close();
    });
  }
});
