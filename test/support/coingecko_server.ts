/**
 * CoinGecko's API as its documentation shows it (version 3, OpenAPI document of June 2026): the
 * documented example of each endpoint, its keys by header, its errors and its rate limit. Requests
 * that the documentation does not allow are refused, so that a test sees them.
 */
import type { ServerResponse } from "node:http";
import { type FaultServer, serveFaults } from "./fault_server.ts";
import recorded from "./recorded/coingecko.json" with { type: "json" };

/** Which key is asked for. */
export interface CoingeckoOptions {
  /** Absent: the public API, without a key. */
  readonly key?: { readonly header: string; readonly value: string };
  /** Answers before the rate limit is reached, until `refill`. */
  readonly requestsMax?: number;
}

/** The running API; its base URL is `origin` + `/api/v3`. */
export interface CoingeckoServer extends FaultServer {
  readonly baseUrl: string;
  /** Ends the time in which the rate limit counts. */
  refill(): void;
}

/** Endpoint -> its query parameters, required ones with `!`. */
const endpoints: Readonly<Record<keyof typeof recorded, readonly string[]>> = {
  "/ping": [],
  "/simple/price": [
    "vs_currencies!",
    "ids",
    "names",
    "symbols",
    "include_tokens",
    "include_market_cap",
    "include_24hr_vol",
    "include_24hr_change",
    "include_last_updated_at",
    "precision",
  ],
  "/simple/supported_vs_currencies": [],
  "/search": ["query!"],
  "/coins/list": ["include_platform", "status"],
  "/coins/{id}": [
    "localization",
    "tickers",
    "market_data",
    "community_data",
    "developer_data",
    "sparkline",
    "include_categories_details",
    "dex_pair_format",
  ],
  "/coins/markets": [
    "vs_currency!",
    "ids",
    "names",
    "symbols",
    "include_tokens",
    "category",
    "order",
    "per_page",
    "page",
    "sparkline",
    "price_change_percentage",
    "locale",
    "precision",
    "include_rehypothecated",
  ],
  "/coins/{id}/market_chart": ["vs_currency!", "days!", "interval", "precision"],
  "/coins/{id}/ohlc": ["vs_currency!", "days!", "precision"],
  "/search/trending": [],
  "/global": [],
};

const prefix = "/api/v3";
/** What the documented coin's data weighs in life, where each exchange has its ticker. */
const tickersOfACoin = 100;

/** Starts the API. */
export async function serveCoingecko(options: CoingeckoOptions = {}): Promise<CoingeckoServer> {
  let left = options.requestsMax ?? Infinity;
  const server = await serveFaults((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://x");
    const given = options.key && request.headers[options.key.header.toLowerCase()];
    if (options.key !== undefined && given !== options.key.value) {
      return send(
        response,
        401,
        status(10002, "API Key Missing. Please make sure you're using it"),
      );
    }
    if (left-- <= 0) {
      const message = "You've exceeded the Rate Limit. Please visit our pricing page to subscribe";
      return send(response, 429, status(429, message), { "retry-after": "60" });
    }
    const found = findEndpoint(pathname);
    if (found === undefined) return send(response, 404, { error: "Incorrect path" });
    const [endpoint, id] = found;
    const names = endpoints[endpoint].map((name) => name.replace("!", ""));
    const unknown = [...searchParams.keys()].filter((name) => !names.includes(name));
    const missing = endpoints[endpoint].filter((name) =>
      name.endsWith("!") && !searchParams.get(name.slice(0, -1))
    );
    if (unknown.length > 0) return send(response, 422, { error: `Unknown parameter ${unknown}` });
    if (missing.length > 0) return send(response, 422, { error: `Missing parameter ${missing}` });
    if (id !== undefined && id !== "bitcoin") {
      return send(response, 404, { error: "coin not found" });
    }
    send(response, 200, bodyOf(endpoint, searchParams));
  });
  return {
    ...server,
    baseUrl: `${server.origin}${prefix}`,
    refill: () => void (left = options.requestsMax ?? Infinity),
  };
}

/** The documented endpoint of a path, and the coin in it. */
function findEndpoint(path: string): [keyof typeof recorded, string | undefined] | undefined {
  for (const endpoint of Object.keys(endpoints) as (keyof typeof recorded)[]) {
    const pattern = new RegExp(`^${prefix}${endpoint.replace("{id}", "([^/]+)")}$`);
    const match = pattern.exec(path);
    // What has a name of its own is no coin.
    if (match !== null && !["list", "markets"].includes(match[1] ?? "")) {
      return [endpoint, match[1] === undefined ? undefined : decodeURIComponent(match[1])];
    }
  }
  return undefined;
}

function bodyOf(endpoint: keyof typeof recorded, query: URLSearchParams): unknown {
  switch (endpoint) {
    case "/coins/{id}": {
      const coin = recorded[endpoint];
      return {
        ...coin,
        tickers: Array.from({ length: tickersOfACoin }, () => coin.tickers).flat(),
      };
    }
    case "/coins/markets": {
      // The last page is shorter, and the next one is empty.
      const size = Number(query.get("per_page") ?? 100);
      const page = Number(query.get("page") ?? 1);
      const count = page === 1 ? size : page === 2 ? 1 : 0;
      return Array.from({ length: count }, () => recorded[endpoint]).flat().slice(0, count);
    }
    default:
      return recorded[endpoint];
  }
}

/** An error in the API's own words. */
function status(code: number, message: string) {
  return {
    status: { timestamp: "2026-06-01T00:00:00.000Z", error_code: code, error_message: message },
  };
}

function send(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(JSON.stringify(body));
}
