/** Grants while the configuration, the log-in or the log-out changes under their requests. */
import { describe, expect, test } from "bun:test";
import { defaultLimits } from "../../../src/limits.ts";
import { createMemoryGrantStore } from "../../../src/store/memory_grants.ts";
import { patient, startGrantGateway, tokenOf } from "../../support/grant_gateway.ts";
import { startGrantIssuer } from "../../support/grant_issuer.ts";
import { until } from "../../support/wait.ts";

const hourMs = 3_600_000;

/** A gateway in which ada has logged in. */
async function startGranted(options: Parameters<typeof startGrantGateway>[0] = {}) {
  const gateway = await startGrantGateway(options);
  await gateway.call("user:ada");
  await gateway.logIn("user:ada");
  return gateway;
}

describe("a server whose URL changes", () => {
  test("never gets the token of the old URL, while calls there still end", async () => {
    const gateway = await startGranted();
    const { grants, server, get, useOf } = gateway;
    const old = tokenOf(await get("user:ada", "read"));
    const next = await startGrantIssuer();
    const moved = grants.authorizationOf({ ...server, url: next.url });
    // A call that began under the old URL asks once more.
    expect(tokenOf(await get("user:ada", "read"))).toBe(old ?? "none");
    const credential = await moved.get(useOf("user:ada", "read"), patient);
    expect(tokenOf(credential)).toBeUndefined();
    await gateway.close();
    await next.close();
  });
});

describe("a log-out", () => {
  test("during a refresh is not undone by it, and what came too late is revoked", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => void (release = resolve));
    const gateway = await startGranted();
    const { far, get, grants, clock, store } = gateway;
    far.knobs.holdTokens = held;
    clock.advance(hourMs + 1);
    const waiting = get("user:ada", "read");
    await until("the refresh is under way", () => far.at("/token").length === 2, 5_000);
    expect(await grants.logOut("far", "user:ada")).toBe(1);
    release();
    expect((await waiting).state).toBe("needs_person");
    await until("it is revoked", () => far.at("/revoke").length >= 4, 5_000);
    expect(await store.list()).toEqual([]);
    expect((await get("user:ada", "read")).state).toBe("needs_person");
    await gateway.close();
  });
});

describe("a log-in", () => {
  test("at another issuer is not undone by a refresh at the old one", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => void (release = resolve));
    const gateway = await startGranted();
    const other = await startGrantIssuer();
    const { far, get, grants, clock, store, begin } = gateway;
    clock.advance(hourMs + 1);
    far.knobs.holdTokens = held;
    const waiting = get("user:ada", "read");
    await until("the refresh is under way", () => far.at("/token").length === 2, 5_000);
    far.knobs.resource = { authorization_servers: [other.issuer] };
    const { url } = await begin("user:ada");
    await grants.finish({ params: await other.follow(url), browser: "user:ada" }, patient);
    const token = tokenOf(await get("user:ada", "read"));
    release();
    await waiting;
    expect(tokenOf(await get("user:ada", "read"))).toBe(token ?? "none");
    expect((await store.list()).map(({ key }) => key.issuer)).toEqual([other.issuer]);
    await gateway.close();
    await other.close();
  });

  test("that ends after its server was removed leaves no grant", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => void (release = resolve));
    const gateway = await startGrantGateway();
    const { far, grants, store, begin } = gateway;
    await gateway.call("user:ada");
    const { url } = await begin("user:ada");
    far.knobs.holdTokens = held;
    const params = await far.follow(url);
    const finishing = grants.finish({ params, browser: "user:ada" }, patient);
    await until("the code was redeemed", () => far.at("/token").length === 1, 5_000);
    grants.keep([]);
    release();
    await expect(finishing).rejects.toThrow("begin it again");
    expect(await store.list()).toEqual([]);
    await until("what came is revoked", () => far.at("/revoke").length === 2, 5_000);
    await gateway.close();
  });

  test("of a principal that is removed meanwhile leaves no grant, and others keep theirs", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => void (release = resolve));
    const gateway = await startGranted();
    const { far, grants, store, begin } = gateway;
    await gateway.logIn("user:bob");
    const [open, late] = [await begin("user:ada"), await begin("user:ada")];
    far.knobs.holdTokens = held;
    const params = await far.follow(late.url);
    const finishing = grants.finish({ params, browser: "user:ada" }, patient);
    await until("the code was redeemed", () => far.at("/token").length === 3, 5_000);
    await grants.forget("user:ada");
    release();
    await expect(finishing).rejects.toThrow("begin it again");
    const answer = { params: await far.follow(open.url), browser: "user:ada" };
    await expect(grants.finish(answer, patient)).rejects.toThrow("not begun in this browser");
    expect((await store.list()).map(({ key }) => key.principal)).toEqual(["user:bob"]);
    await gateway.close();
  });
});

test("a log-in that begins while its principal is removed never ends in a grant", async () => {
  const gateway = await startGranted();
  const { far, grants, store, begin } = gateway;
  const beginning = begin("user:ada");
  await grants.forget("user:ada");
  const params = await far.follow((await beginning).url);
  await expect(grants.finish({ params, browser: "user:ada" }, patient)).rejects
    .toThrow("not begun in this browser");
  expect(await store.list()).toEqual([]);
  gateway.clock.advance(1);
  await gateway.logIn("user:ada");
  expect((await store.list()).length).toBe(1);
  await gateway.close();
});

describe("a grant that cannot be read", () => {
  test("is never taken for none, and is used as soon as it can be read", async () => {
    const inner = createMemoryGrantStore({ limits: defaultLimits });
    let isBroken = false;
    const store: typeof inner = {
      ...inner,
      find: (...of) => isBroken ? Promise.reject(new Error("disk fault")) : inner.find(...of),
    };
    const gateway = await startGranted({ store });
    const token = tokenOf(await gateway.get("user:ada", "read"));
    const next = await startGrantGateway({ far: gateway.far, store });
    isBroken = true;
    expect((await next.get("user:ada")).state).toBe("failed");
    expect((await next.get("user:ada", "read")).state).toBe("failed");
    isBroken = false;
    expect(tokenOf(await next.get("user:ada", "read"))).toBe(token ?? "none");
    next.grants.close();
    await gateway.close();
  });
});

describe("a server that is removed", () => {
  test("and added again at once takes log-ins, and has none of the former grants", async () => {
    const gateway = await startGranted();
    const { far, grants, server, store } = gateway;
    grants.keep([]);
    grants.authorizationOf(server);
    await until("the former grant is revoked", () => far.at("/revoke").length === 2, 5_000);
    expect(await store.list()).toEqual([]);
    await gateway.logIn("user:ada");
    expect((await store.list()).length).toBe(1);
    await gateway.close();
  });
});
