/**
 * P16: real clients of either era call every tool of the two built-in web APIs, which local servers
 * imitate as documented. The client libraries check the results against the output schemas, and the
 * local servers check the requests.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type CoingeckoServer, serveCoingecko } from "../support/coingecko_server.ts";
import { clientKinds, type RealClient, type Whole } from "../support/mcp_clients.ts";
import { type OpensubtitlesServer, serveOpensubtitles } from "../support/opensubtitles_server.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";

const testMs = 60_000;
const apiKey = "key-of-the-subtitles";
const account = { username: "me", password: "password-of-mine" };
const pro = { header: "x-cg-pro-api-key", value: "CG-pro-key" };

let prices: CoingeckoServer;
let subtitles: OpensubtitlesServer;
let gateway: SpawnedGateway;

beforeAll(async () => {
  prices = await serveCoingecko({ key: pro });
  subtitles = await serveOpensubtitles({ apiKey, ...account, downloads: 1_000 });
  gateway = await spawnGateway({
    servers: {
      prices: { recipe: "coingecko", baseUrl: prices.baseUrl },
      subtitles: { recipe: "opensubtitles", baseUrl: subtitles.baseUrl },
    },
    env: {
      COINGECKO_API_KEY: pro.value,
      COINGECKO_API_PLAN: "pro",
      OPENSUBTITLES_API_KEY: apiKey,
      OPENSUBTITLES_USER_AGENT: "EndToEnd v1.0",
      OPENSUBTITLES_USERNAME: account.username,
      OPENSUBTITLES_PASSWORD: account.password,
    },
  });
}, testMs);

afterAll(async () => {
  await gateway?.dispose();
  await prices?.close();
  await subtitles?.close();
}, testMs);

/** Tool, arguments, and what is on the wire: `<at>` is another value for each client. */
const calls: readonly [tool: string, args: Record<string, unknown>, wire: string][] = [
  ["prices__ping", {}, "GET /api/v3/ping"],
  [
    "prices__simple_price",
    { ids: ["bitcoin", "<at>"], vs_currencies: ["usd", "eur"], include_market_cap: true },
    "GET /api/v3/simple/price?vs_currencies=usd,eur&ids=bitcoin,<at>&include_market_cap=true",
  ],
  ["prices__search", { query: "bit & <at>" }, "GET /api/v3/search?query=bit%20%26%20<at>"],
  ["prices__coin_data", { id: "bitcoin" }, "GET /api/v3/coins/bitcoin?localization=false"],
  [
    "prices__coin_markets",
    { vs_currency: "usd", ids: ["<at>"], per_page: 2 },
    "GET /api/v3/coins/markets?vs_currency=usd&ids=<at>&per_page=2",
  ],
  [
    "prices__market_chart",
    { id: "bitcoin", vs_currency: "<at>", days: "7" },
    "GET /api/v3/coins/bitcoin/market_chart?vs_currency=<at>&days=7",
  ],
  [
    "prices__ohlc",
    { id: "bitcoin", vs_currency: "<at>", days: "7" },
    "GET /api/v3/coins/bitcoin/ohlc?vs_currency=<at>&days=7",
  ],
  ["prices__supported_currencies", {}, "GET /api/v3/simple/supported_vs_currencies"],
  ["prices__coin_list", {}, "GET /api/v3/coins/list"],
  ["prices__trending", {}, "GET /api/v3/search/trending"],
  ["prices__global", {}, "GET /api/v3/global"],
  [
    "subtitles__search_subtitles",
    { query: "<at>", languages: ["de", "en"], season_number: 1, moviehash: "0123456789abcdef" },
    "GET /api/v1/subtitles?languages=de,en&moviehash=0123456789abcdef&query=<at>&season_number=1",
  ],
  [
    "subtitles__search_features",
    { query: "<at>", type: "movie" },
    "GET /api/v1/features?query=<at>&type=movie",
  ],
  ["subtitles__subtitle_languages", {}, "GET /api/v1/infos/languages"],
  ["subtitles__subtitle_formats", {}, "GET /api/v1/infos/formats"],
  ["subtitles__user_info", {}, "GET /api/v1/infos/user"],
  [
    "subtitles__download",
    { file_id: 1_923_552, sub_format: "srt" },
    'POST /api/v1/download {"file_id":1923552,"sub_format":"srt"}',
  ],
];

/** Requests that need no answer again to the same question. */
const isCached = /currencies$|list$|trending$|global$|languages$|formats$|coins\/bitcoin\?/;

const seenBy = () =>
  [...prices.seen, ...subtitles.seen].map(({ method, url, body }) =>
    `${method} ${url}${body === "" ? "" : ` ${body}`}`
  );

const fill = <Value>(value: Value, at: number): Value =>
  JSON.parse(JSON.stringify(value).replaceAll("<at>", `client${at}`)) as Value;

function resultOf({ structuredContent, isError, content }: Whole): unknown {
  if (isError === true) throw new Error(JSON.stringify(content));
  return (structuredContent as { result?: unknown }).result;
}

for (const [at, kind] of clientKinds.entries()) {
  describe(kind.name, () => {
    let client: RealClient;
    beforeAll(async () => {
      client = await kind.open(gateway.url);
    }, testMs);
    afterAll(() => client?.close(), testMs);

    test("P16 is offered every tool of both", async () => {
      const names = calls.map(([tool]) => tool).sort();
      expect((await client.toolNames()).sort()).toEqual(names);
    });

    for (const [tool, args, wire] of calls) {
      test(
        `${tool} sends the documented request, and its answer fits its schema`,
        async () => {
          const before = seenBy().length;
          const result = resultOf(await client.callWhole(tool, fill(args, at)));
          expect(result).not.toBe(undefined);
          const expected = fill(wire, at);
          expect(seenBy()).toContain(expected);
          // The first request serves all.
          if (at > 0 && isCached.test(expected)) expect(seenBy().length).toBe(before);
        },
        testMs,
      );
    }

    test("a coin has the usual details, and raw has everything", async () => {
      const usual = await client.callWhole("prices__coin_data", { id: "bitcoin" });
      expect(resultOf(usual)).toMatchObject({ id: "bitcoin", price: { usd: 69840 } });
      expect(JSON.stringify(usual.structuredContent).length).toBeLessThan(4_000);
      const { structuredContent } = await client.callWhole("prices__coin_data", {
        id: "bitcoin",
        raw: true,
      });
      expect(structuredContent).toMatchObject({ raw: { market_data: { current_price: {} } } });
    }, testMs);

    test("pages go on as the answer says", async () => {
      const first = await client.callWhole("subtitles__search_subtitles", { query: "pages" });
      expect(first.structuredContent).toMatchObject({ next: { page: 2 } });
      const last = await client.callWhole("subtitles__search_subtitles", {
        query: "pages",
        page: 2,
      });
      expect(last.structuredContent).not.toHaveProperty("next");
    }, testMs);

    test("P4 a failure is a result that the model can read", async () => {
      const { isError, content } = await client.callWhole("prices__coin_data", { id: "nocoin" });
      expect(isError).toBe(true);
      const fault = JSON.parse((content as { text: string }[])[0]?.text ?? "");
      expect(fault.error).toContain("coin not found");
      expect(fault).toMatchObject({ method: "GET", status: 404 });
      expect(new URL(fault.url).pathname).toBe("/api/v3/coins/nocoin");
      expect(typeof fault.response_time).toBe("number");
      expect(Number.isNaN(Date.parse(fault.timestamp))).toBe(false);
    }, testMs);

    test("F10 an argument cannot leave its place", async () => {
      const before = seenBy().length;
      const { isError } = await client.callWhole("prices__coin_data", { id: "../../admin" });
      expect(isError).toBe(true);
      expect(seenBy().length).toBe(before);
    }, testMs);
  });
}

describe("on the wire", () => {
  test("every request has its key, in the documented place", () => {
    expect(prices.seen.every(({ headers }) => headers[pro.header] === pro.value)).toBe(true);
    expect(
      subtitles.seen.every(({ headers }) =>
        headers["api-key"] === apiKey && headers["user-agent"] === "EndToEnd v1.0"
      ),
    ).toBe(true);
  });

  test("there is one log-in for all clients, and its token is sent only where needed", () => {
    const logins = subtitles.seen.filter(({ url }) => url.endsWith("/login"));
    expect(logins.map(({ body }) => JSON.parse(body))).toEqual([account]);
    const shown = subtitles.seen.filter(({ headers }) => headers.authorization !== undefined);
    expect(new Set(shown.map(({ url }) => url))).toEqual(
      new Set(["/api/v1/infos/user", "/api/v1/download"]),
    );
  });

  test("a download is made once for each call: it spends the quota", () => {
    const downloads = subtitles.seen.filter(({ url }) => url.endsWith("/download"));
    expect(downloads.length).toBe(clientKinds.length);
  });
});
