/**
 * Whether a search finds what one would expect: 300 tools of twenty servers, forty queries that were
 * written without a look at the index, and a control set that nothing was tuned by. What is asked of
 * each is that the expected tool is among the first three hits.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { JsonObject } from "../../src/model.ts";
import { type AccessGateway, startWithAccess } from "../support/access_gateway.ts";
import { createFakeUpstream } from "../support/fake_upstream.ts";
import { controlQueries, searchQueries, type SearchQuery } from "../support/search/queries.ts";
import { wellKnownServers } from "../support/search/well_known.ts";

let own: AccessGateway;

beforeAll(async () => {
  const servers = [...wellKnownServers].map(([name, tools]) =>
    [name, createFakeUpstream(name, { tools: [...tools] })] as const
  );
  own = await startWithAccess({
    servers: Object.fromEntries(servers),
    people: { ann: { id: "user:ann" } },
  });
});

afterAll(() => own.close());

/** The first three hits, as `server/tool`. */
async function firstHits(query: string): Promise<string[]> {
  const params = { name: "search_tools", arguments: { query, limit: 3 } };
  const { result } = await own.ask("ann", "tools/call", params, { path: "/search/mcp" });
  const { tools } = result?.["structuredContent"] as { readonly tools: readonly JsonObject[] };
  return tools.map(({ name, server }) => `${server}/${String(name).replace(`${server}__`, "")}`);
}

/** The queries without an expected tool among the first three hits, and what they found. */
async function missesOf(queries: readonly SearchQuery[]) {
  const misses: (readonly [query: string, hits: readonly string[]])[] = [];
  for (const { query, expected } of queries) {
    const hits = await firstHits(query);
    if (!hits.some((hit) => expected.includes(hit))) misses.push([query, hits]);
  }
  return misses;
}

test("300 tools of twenty servers are searched", () => {
  const counts = [...wellKnownServers.values()].map(({ length }) => length);
  expect([counts.length, counts.reduce((one, other) => one + other)]).toEqual([20, 300]);
});

for (const [set, queries] of [["forty", searchQueries], ["control", controlQueries]] as const) {
  test(`at least 36 of the ${set} queries have their tool among the first three hits`, async () => {
    expect(queries.length).toBe(40);
    const misses = await missesOf(queries);
    for (const [query, hits] of misses) console.log(`  missed: ${query}: ${hits.join(", ")}`);
    expect(misses.length).toBeLessThanOrEqual(4);
  });
}
