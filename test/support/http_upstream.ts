/** A remote server and the upstream in front of it, for tests of src/upstream/http. */
import type { HttpServerConfig } from "../../src/config/config.ts";
import type { Limits } from "../../src/limits.ts";
import type { UpstreamDeps } from "../../src/upstream/deps.ts";
import { createUpstream } from "../../src/upstream/upstream_kinds.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import { createPacedClocks } from "./clock.ts";
import { callerOf, createTestDeps, type TestDeps } from "./upstream_deps.ts";
import { startMsMax } from "./wait.ts";
import { type HostileUpstream, type Rules, serveUpstream } from "../fault/hostile_upstream.ts";

/** What a test holds. */
export interface Remote {
  readonly server: HostileUpstream;
  readonly upstream: Upstream;
  readonly deps: TestDeps;
}

/** The configuration of a remote server. */
export function remoteConfig(
  url: string,
  overrides: Partial<HttpServerConfig> = {},
): HttpServerConfig {
  return {
    kind: "http",
    name: "remote",
    url,
    headers: {},
    credentials: { type: "none" },
    transport: "auto",
    isolation: "session",
    identify: true,
    roots: "relay",
    era: "auto",
    callTimeoutMs: startMsMax,
    startTimeoutMs: startMsMax,
    idleTimeoutMs: 60_000,
    tools: {},
    ...overrides,
  };
}

/** Short waits, no retries: a test that is about them says so. */
const quick = {
  httpRetriesMax: 0,
  reconnectMsMin: 20,
  reconnectMsFloor: 5,
  sseRetryMs: 20,
  circuitFailuresMax: 1_000,
};

/** What tests of one file have opened. */
export function createRemotes() {
  const opened: { close(): Promise<void> }[] = [];
  const clocks = createPacedClocks();
  return {
    pacedClock: clocks.create,
    /** Serves `rules`, with an upstream in front. */
    async open(
      rules: Rules,
      overrides: Partial<HttpServerConfig> = {},
      limits: Partial<Limits> = {},
      more: Partial<UpstreamDeps> = {},
    ): Promise<Remote> {
      const server = await serveUpstream(rules);
      const deps = await createTestDeps({ ...quick, ...limits }, more);
      const upstream = createUpstream(remoteConfig(server.url, overrides), deps);
      // The gateway lets go first.
      opened.push({ close: () => upstream.close().then(server.close) });
      return { server, upstream, deps };
    },
    async closeAll(): Promise<void> {
      await Promise.all(opened.splice(0).map(({ close }) => close()));
      clocks.stopAll();
    },
  };
}

/** A caller whose requests each say for whom they are made. */
export const stateless = (overrides: Parameters<typeof callerOf>[1] = {}) =>
  callerOf("p:anonymous", {
    revision: "2026-07-28",
    asksByResult: true,
    sharesScope: true,
    ...overrides,
  });
