/** A local server as the gateway sees it: calls, isolation, catalog, idle stop and replay, over a real process. */
import { afterEach, describe, expect, test } from "bun:test";
import type { StdioServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import { upstreamKinds } from "../../src/upstream/kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import {
  callerOf,
  callTool,
  createTestDeps,
  drain,
  hostileConfig,
  stateOf,
  type TestDeps,
  toolCall,
  watchScope,
} from "../support/upstream_deps.ts";

const opened: { upstream: Upstream; deps: TestDeps }[] = [];

async function open(
  options: string[] = [],
  overrides: Partial<StdioServerConfig> = {},
  limits: Partial<Limits> = {},
): Promise<{ upstream: Upstream; deps: TestDeps }> {
  const deps = await createTestDeps(limits);
  const pair = { upstream: upstreamKinds.create(hostileConfig(options, overrides), deps), deps };
  opened.push(pair);
  return pair;
}

afterEach(async () => {
  for (const { upstream, deps } of opened.splice(0)) {
    await upstream.close();
    expect([...deps.held]).toEqual([]);
  }
});

describe("a stdio upstream", () => {
  test("answers a call", async () => {
    const { upstream } = await open();
    expect(await callTool(upstream, "echo", { a: "é" })).toBe('{"a":"é"}');
  });
});
