/**
 * The time of a search of tools: forty queries over 300 tools of twenty servers, and over ten times
 * as many. For each the time of the first search, which fills the index, and those of the others: the
 * order alone, and the whole answer of the gateway with the lists of all servers. Other work on the
 * machine lengthens the times by the clock, but hardly the CPU time.
 */
import process from "node:process";
import { createToolSearch, type OfferedTool } from "../src/gateway/tool_search.ts";
import { defaultLimits } from "../src/limits.ts";
import type { JsonObject } from "../src/model.ts";
import { openToolIndex } from "../src/store/tool_index_database.ts";
import {
  coreConfig,
  createCoreGateway,
  endOf,
  sessionCaller,
} from "../test/support/core_gateway.ts";
import { createTestRuntime } from "../test/support/fake_runtime.ts";
import { createFakeUpstream } from "../test/support/fake_upstream.ts";
import { searchQueries } from "../test/support/search/queries.ts";
import { wellKnownServers } from "../test/support/search/well_known.ts";

const rounds = 20;

/** The servers so many times, each with a name of its own. */
function serversOf(times: number): Map<string, readonly JsonObject[]> {
  return new Map(
    Array.from({ length: times }).flatMap((_, at) =>
      [...wellKnownServers].map(([name, tools]) =>
        [at === 0 ? name : `${name}-${at}`, tools.map((tool) => ({ ...tool }))] as const
      )
    ),
  );
}

/** The times of all queries in all rounds, after the first query, and the CPU time of each. */
interface Times {
  readonly first: number;
  readonly all: readonly number[];
  readonly cpu: number;
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function timesOf(run: (query: string) => unknown): Promise<Times> {
  const timed = async (query: string): Promise<number> => {
    const started = performance.now();
    await run(query);
    return performance.now() - started;
  };
  const first = await timed("something else");
  const all: number[] = [];
  const begun = cpuMs();
  for (let round = 0; round < rounds; round += 1) {
    for (const { query } of searchQueries) all.push(await timed(query));
  }
  const cpu = (cpuMs() - begun) / all.length;
  return { first, all: all.sort((one, other) => one - other), cpu };
}

function show(title: string, { first, all, cpu }: Times): void {
  const at = (part: number) => (all[Math.floor(all.length * part)] ?? 0).toFixed(2);
  console.log(
    `${title.padEnd(34)} median ${at(0.5)} ms, of 100 the slowest ${at(0.99)} ms, ` +
      `first ${first.toFixed(0)} ms, CPU ${cpu.toFixed(2)} ms`,
  );
}

for (const times of [1, 10]) {
  const servers = serversOf(times);
  const count = [...servers.values()].reduce((sum, { length }) => sum + length, 0);
  const fakes = [...servers].map(([name, tools]) =>
    createFakeUpstream(name, { tools: [...tools] })
  );
  const { servers: configs } = coreConfig(fakes);
  const offered = configs.flatMap((config, at): OfferedTool[] => {
    const upstream = fakes[at];
    if (upstream === undefined) return [];
    return (upstream.lists.tools ?? []).map((item) => ({
      server: { config, upstream },
      item,
      tool: { ...item, name: `${config.name}__${item["name"]}` },
    }));
  });
  const index = openToolIndex(await createTestRuntime());
  const search = createToolSearch({
    index,
    limits: defaultLimits,
    catalog: { list: () => Promise.resolve({ items: [], missing: [] }) },
  });
  show(`${count} tools, the order alone`, await timesOf((query) => search.best(query, offered)));
  search.close();
  const gateway = await createCoreGateway(fakes);
  const caller = sessionCaller();
  const ask = (query: string) =>
    endOf(
      gateway,
      caller,
      "tools/call",
      { name: "search_tools", arguments: { query } },
      undefined,
      "/search",
    );
  show(`${count} tools, the whole answer`, await timesOf(ask));
  await gateway.close();
}
