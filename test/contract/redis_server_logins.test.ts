/**
 * Log-ins of the gateway at protected servers, at instances on one engine: a link may be opened, and
 * the callback may arrive, at another instance than the one whose call needs the log-in.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { comeBack, goOn } from "../support/connect_pages.ts";
import { type GrantIssuer, startGrantIssuer } from "../support/grant_issuer.ts";
import { openBrowser, type SendRequest, type TestBrowser } from "../support/oauth_person.ts";
import { hasRedis, type RedisServer, startRedis, whyNoRedis } from "../support/redis_server.ts";
import { type SharedGateway, startOnEngine } from "../support/shared_gateways.ts";
import { ask } from "../support/stateless_client.ts";
import { until } from "../support/wait.ts";

const publicUrl = "http://localhost:8999";

(hasRedis ? describe : describe.skip)(`log-ins at servers, of instances${whyNoRedis}`, () => {
  let redis: RedisServer;
  let far: GrantIssuer;
  let one: SharedGateway;
  let two: SharedGateway;
  let key: string;
  let count = 0;
  const started: SharedGateway[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());
  beforeEach(async () => {
    const prefix = `server-logins-${count += 1}`;
    far = await startGrantIssuer({ isMcp: true });
    for (const name of ["one", "two"]) {
      started.push(
        await startOnEngine({
          redis,
          prefix,
          name,
          env: { MCP_AUTH: "key", MCP_PUBLIC_URL: publicUrl },
          servers: { far: { url: far.url } },
        }),
      );
    }
    [one, two] = started as [SharedGateway, SharedGateway];
    ({ key } = await one.gateway.access.keys.add({ name: "ann" }));
  });
  afterEach(async () => {
    for (const gateway of started.splice(0)) await gateway.stop();
    await far.close();
  });

  const at = ({ gateway }: SharedGateway): SendRequest => (request) =>
    gateway.fetch(request, { remoteAddress: "192.0.2.7" });

  /** The answer to a call of `read`; `url`: the client can show pages. */
  async function read(gateway: SharedGateway, canShow: boolean, more: JsonObject = {}) {
    const params = { name: "read", arguments: {}, ...more };
    const response = await ask(gateway, "tools/call", params, {
      path: "/servers/far/mcp",
      headers: { authorization: `Bearer ${key}` },
      meta: canShow ? { clientCapabilities: { elicitation: { url: {} } } } : {},
    });
    const text = await response.text();
    const json = /^\{/.test(text) ? text : /^data: (\{.*"id":.*\})$/m.exec(text)?.[1] ?? "{}";
    return { text, ...JSON.parse(json) as { result?: JsonObject; error?: JsonObject } };
  }
  const linkIn = (text: string): string =>
    /http:[^\s"\\]+\/oauth\/connect\/far\?link=[\w-]+/.exec(text)?.[0] ?? `no link: ${text}`;

  /** Sends the browser to the issuer; the query of the callback. */
  async function leave(browser: TestBrowser, link: string): Promise<Record<string, string>> {
    const left = await goOn(browser, await browser.open(link));
    return Object.fromEntries(await far.follow(left.leavesTo ?? ""));
  }

  test("a call that waits goes on when its log-in was made at another instance", async () => {
    const asked = await read(one, true);
    const { inputRequests = {}, requestState } = asked.result as {
      inputRequests?: Record<string, unknown>;
      requestState?: string;
    };
    const browser = openBrowser(at(two));
    const done = await comeBack(browser, await leave(browser, linkIn(asked.text)));
    expect(done.html).toContain("Logged in at far");
    const inputResponses = Object.fromEntries(
      Object.keys(inputRequests).map((id) => [id, { action: "accept" }]),
    );
    // It waits at the first instance, to which the second one passes the answer on.
    const went = await read(two, true, { inputResponses, requestState });
    expect(went.text).toContain("it was read");
    expect((await read(one, false)).text).toContain("it was read");
  });

  test("a log-in ends where its callback arrives, once, also when its instance has died", async () => {
    const { text } = await read(one, false);
    let gateway = one;
    const browser = openBrowser((request) => at(gateway)(request));
    const params = await leave(browser, linkIn(text));
    await started.shift()?.stop();
    gateway = two;
    expect((await comeBack(openBrowser(at(two)), params)).status).toBe(400);
    expect((await comeBack(browser, params)).status).toBe(200);
    expect((await comeBack(browser, params)).status).toBe(400);
    expect(far.at("/token")).toHaveLength(1);
    expect((await read(two, false)).text).toContain("it was read");
  });

  test("a link that is used at two instances at once leads one browser to the issuer", async () => {
    const link = linkIn((await read(one, false)).text);
    const browsers = [one, two].map((gateway) => openBrowser(at(gateway)));
    const pages = await Promise.all(browsers.map((browser) => browser.open(link)));
    expect(pages.map(({ status }) => status)).toEqual([200, 200]);
    const ends = await Promise.all(
      pages.map((page, index) => goOn(browsers[index] as TestBrowser, page)),
    );
    expect(ends.map(({ status }) => status).sort()).toEqual([200, 410]);
    expect((await openBrowser(at(two)).open(link)).status).toBe(410);
  });

  test("a key that is revoked at one instance ends its log-in at another", async () => {
    const link = linkIn((await read(one, false)).text);
    const browser = openBrowser(at(two));
    const params = await leave(browser, link);
    await one.gateway.access.keys.revoke("ann");
    expect((await comeBack(browser, params)).status).toBe(400);
    expect(far.at("/token")).toHaveLength(0);
  });

  test("what a server asked for at one instance is requested at another", async () => {
    far.knobs.challenge = { scope: "read:special" };
    const link = linkIn((await read(one, false)).text);
    const browser = openBrowser(at(two));
    const left = await goOn(browser, await browser.open(link));
    expect(new URL(left.leavesTo ?? "").searchParams.get("scope")).toContain("read:special");
  });

  test("a client is registered once, though log-ins begin and end at different instances", async () => {
    for (let round = 0; round < 4; round += 1) {
      const gateway = round % 2 === 0 ? one : two;
      const other = round % 2 === 0 ? two : one;
      const { url } = await gateway.gateway.logins.makeLink("far", "key:ann");
      let place = gateway;
      const browser = openBrowser((request) => at(place)(request));
      const params = await leave(browser, url);
      place = other;
      expect((await comeBack(browser, params)).status).toBe(200);
    }
    expect(far.at("/register")).toHaveLength(1);
    await until(
      "both use the grant",
      async () =>
        (await read(one, false)).text.includes("it was read") &&
        (await read(two, false)).text.includes("it was read"),
    );
  });
});
