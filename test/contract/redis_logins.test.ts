/**
 * Log-ins of people at instances on one engine: each step may reach another instance, a record is
 * used once, and the instance at which a log-in began may be gone when it ends.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { openBrowser, type SendRequest } from "../support/oauth_person.ts";
import {
  askAuthorization,
  base,
  knock,
  type OAuthGateway,
  postForm,
  redeem,
  refresh,
  register,
} from "../support/oauth_gateway.ts";
import { clientId, clientSecret, startProvider } from "../support/openid_provider.ts";
import { hasRedis, type RedisServer, startRedis, whyNoRedis } from "../support/redis_server.ts";
import { type SharedGateway, startOnEngine } from "../support/shared_gateways.ts";
import { until } from "../support/wait.ts";

const password = "correct horse battery";

(hasRedis ? describe : describe.skip)(`log-ins at several instances${whyNoRedis}`, () => {
  let redis: RedisServer;
  let prefix: string;
  let count = 0;
  let oauth: Record<string, unknown> = {};
  const started: SharedGateway[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());
  beforeEach(() => {
    count += 1;
    prefix = `logins-${count}`;
    oauth = {};
  });
  afterEach(async () => {
    for (const gateway of started.splice(0)) await gateway.stop();
  });

  async function start(...names: string[]): Promise<SharedGateway[]> {
    const gateways: SharedGateway[] = [];
    for (const name of names) {
      const env = { MCP_AUTH: "oauth" };
      const limits = { passwordMemoryKib: 64 };
      const gateway = await startOnEngine({
        redis,
        prefix,
        name,
        env,
        limits,
        keys: { auth: { oauth } },
      });
      started.push(gateway);
      gateways.push(gateway);
    }
    return gateways;
  }

  const sendTo = ({ gateway }: SharedGateway, request: Request): Promise<Response> =>
    gateway.fetch(request, { remoteAddress: "192.0.2.7" });

  /** Each request goes to the next instance. */
  function inTurns(gateways: readonly SharedGateway[]) {
    let next = 0;
    const send: SendRequest = (request) => {
      const gateway = gateways[next++ % gateways.length];
      if (gateway === undefined) throw new Error("There is no instance");
      return sendTo(gateway, request);
    };
    const client: Pick<OAuthGateway, "fetch"> = {
      fetch(url, init) {
        const headers = new Headers(init?.headers);
        headers.set("host", new URL(url).host);
        return send(new Request(String(url), { ...init, headers }));
      },
    };
    return { send, client };
  }

  const addAda = ({ gateway }: SharedGateway) =>
    gateway.access.users.add("ada", { roles: [], groups: [], password });

  /** The page to which an authorization request leads. */
  async function begin(client: Pick<OAuthGateway, "fetch">) {
    const id = String((await register(client))["client_id"]);
    const response = await askAuthorization(client, id);
    await response.text();
    return { id, page: response.headers.get("location") ?? "" };
  }

  test("a client is authorized though each request reaches the next instance", async () => {
    const all = await start("one", "two", "three");
    await addAda(all[0] as SharedGateway);
    const { send, client } = inTurns(all);
    const { id, page } = await begin(client);
    const browser = openBrowser(send);
    const login = await browser.open(page);
    expect(login.html).toContain('name="password"');
    const consent = await browser.submit(login, { name: "ada", password });
    expect(consent.html).toContain('name="decision"');
    const { leavesTo = "" } = await browser.submit(consent, { decision: "allow" });
    const code = new URL(leavesTo).searchParams.get("code") ?? "";
    const { body } = await redeem(client, id, code);
    const access = String(body["access_token"]);
    for (let at = 0; at < 3; at += 1) expect((await knock(client, access)).status).toBe(400);
    const next = await refresh(client, id, String(body["refresh_token"]));
    expect(next.status).toBe(200);
    const token = String(next.body["refresh_token"]);
    const revoked = await postForm(client, "/oauth/revoke", { client_id: id, token });
    expect(revoked.status).toBe(200);
    expect((await refresh(client, id, token)).status).toBe(400);
  });

  test("a form that is sent to two instances at once gives one code", async () => {
    const all = await start("one", "two");
    const [one, two] = all as [SharedGateway, SharedGateway];
    await addAda(one);
    const { send, client } = inTurns(all);
    const { page } = await begin(client);
    const browser = openBrowser(send);
    const consent = await browser.submit(await browser.open(page), { name: "ada", password });
    const copies = [one, two].map((gateway) => {
      const copy = openBrowser((request) => sendTo(gateway, request));
      for (const [name, value] of browser.cookies) copy.cookies.set(name, value);
      return copy.submit(consent, { decision: "allow" });
    });
    const ends = await Promise.all(copies);
    expect(ends.map(({ status }) => status).sort()).toEqual([200, 410]);
    expect(ends.filter(({ leavesTo = "" }) => leavesTo.includes("code=")).length).toBe(1);
  });

  test("what waits and who is logged in outlive the instance, and nothing of it is in clear", async () => {
    const [one, two] = await start("one", "two") as [SharedGateway, SharedGateway];
    await addAda(one);
    const { page } = await begin(inTurns([one]).client);
    let at = one;
    const browser = openBrowser((request) => sendTo(at, request));
    const consent = await browser.submit(await browser.open(page), { name: "ada", password });
    const request = new URL(page).searchParams.get("request") ?? "";
    const secrets = [request, ...browser.cookies.values()];
    const kept = await redis.tell("KEYS *login*");
    expect(kept.includes("authorizations") && kept.includes("browsers")).toBe(true);
    for (const secret of secrets) expect(kept).not.toContain(secret);
    await started.shift()?.stop();
    at = two;
    const { leavesTo = "" } = await browser.submit(consent, { decision: "allow" });
    expect(leavesTo).toContain("code=");
    expect((await browser.open(`${base}/oauth/login`)).html).toContain("You are logged in");
  });

  test("another browser gets nothing of a request at another instance", async () => {
    const [one, two] = await start("one", "two") as [SharedGateway, SharedGateway];
    await addAda(one);
    const { page } = await begin(inTurns([one]).client);
    await openBrowser((request) => sendTo(one, request)).open(page);
    expect((await openBrowser((request) => sendTo(two, request)).open(page)).status).toBe(403);
  });

  test("a user who is removed at one instance is logged out at all", async () => {
    const [one, two] = await start("one", "two") as [SharedGateway, SharedGateway];
    await addAda(one);
    const browser = openBrowser(inTurns([one, two]).send);
    const login = await browser.open(`${base}/oauth/login`);
    expect((await browser.submit(login, { name: "ada", password })).html).toContain("logged in as");
    await one.gateway.access.users.remove("ada");
    expect((await browser.open(`${base}/oauth/login`)).html).toContain('name="password"');
  });

  test("an OpenID log-in ends at another instance, once, and in its browser alone", async () => {
    const provider = await startProvider(() => Date.now());
    try {
      const { issuer } = provider;
      oauth = { login: { openid: { issuer, clientId, clientSecret, allow: "*" } } };
      const [one, two] = await start("one", "two") as [SharedGateway, SharedGateway];
      let at = one;
      const send: SendRequest = (request) => sendTo(at, request);
      const browser = openBrowser(send);
      const { page } = await begin(inTurns([one]).client);
      const login = await browser.open(page);
      const [, path = ""] = /href="(\/oauth\/login\/openid[^"]*)"/.exec(login.html) ?? [];
      const { leavesTo = "" } = await browser.open(new URL(path, base).href);
      const callback = provider.answer(leavesTo);
      at = two;
      expect((await openBrowser(send).open(callback)).status).toBe(403);
      expect((await browser.open(callback)).html).toContain('name="decision"');
      at = one;
      expect((await browser.open(callback)).status).toBe(403);
    } finally {
      await provider.close();
    }
  });

  test("while the engine is away, a page says so and when to try again", async () => {
    const [one] = await start("one") as [SharedGateway];
    const browser = openBrowser((request) => sendTo(one, request));
    await browser.open(`${base}/oauth/login`);
    await redis.stop();
    const page = await browser.open(`${base}/oauth/login`);
    expect([page.status, page.html.includes("retry later")]).toEqual([503, true]);
    expect(Number(page.headers.get("retry-after"))).toBeGreaterThan(0);
    await redis.start();
    await until(
      "it works again",
      async () => (await browser.open(`${base}/oauth/login`)).status === 200,
    );
  });
});
