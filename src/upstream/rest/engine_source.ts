/**
 * The engine of a web API, from its description: it is read when a client first needs it, and again
 * after a growing backoff if that failed. Clients that listen for changes get a notice when the
 * tools are there.
 */
import { sleep } from "../../clock.ts";
import type { RestServerConfig } from "../../config/config.ts";
import { type GatewayError, toGatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import { describeCatalog } from "../catalog/catalog_line.ts";
import { withSoundSchemas } from "../catalog/sound_tools.ts";
import type { UpstreamDeps } from "../deps.ts";
import { createStatus, type StatusNote } from "../upstream_status.ts";
import type { Watchers } from "../watchers.ts";
import type { Engine } from "./engine.ts";

/** Why the service cannot be used, and the earliest time of the next attempt. */
interface Problem {
  readonly error: GatewayError;
  readonly backoffMs: number;
  readonly until: number;
}

/** What is known of a service, and how it is read. */
export interface EngineSource {
  readonly config: RestServerConfig;
  readonly deps: UpstreamDeps;
  readonly watchers: Watchers;
  /** Aborts when the upstream closes. */
  readonly closed: AbortController;
  readonly status: StatusNote;
  /** Absent until the description was read. */
  engine: Engine | undefined;
  problem: Problem | undefined;
  /** The reading that is under way. */
  loading: Promise<Engine> | undefined;
}

/** Makes the source of a service's engine; nothing is read yet. */
export function createEngineSource(
  config: RestServerConfig,
  deps: UpstreamDeps,
  watchers: Watchers,
): EngineSource {
  const source: EngineSource = {
    config,
    deps,
    watchers,
    closed: new AbortController(),
    status: createStatus(config.name, deps, () => stateOf(source)),
    engine: undefined,
    problem: undefined,
    loading: undefined,
  };
  return source;
}

function stateOf({ problem, engine, loading }: EngineSource) {
  if (problem !== undefined) return { state: "failing", problem: problem.error.message } as const;
  if (engine !== undefined) return { state: "running" } as const;
  return { state: loading === undefined ? "idle" : "starting" } as const;
}

/** The engine, once the service has been read; rejects with the problem until the next attempt. */
export function readyEngine(source: EngineSource): Promise<Engine> {
  const { engine, problem, deps } = source;
  if (engine !== undefined) return Promise.resolve(engine);
  if (problem !== undefined && deps.clock.monotonic() < problem.until) {
    return Promise.reject(problem.error);
  }
  source.loading ??= load(source)
    .catch((thrown) => fail(source, thrown))
    .finally(() => void (source.loading = undefined));
  return source.loading;
}

async function load(source: EngineSource): Promise<Engine> {
  const { config, deps, closed, watchers } = source;
  const { clock, log } = deps;
  const started = clock.monotonic();
  // Loaded with the first web API, since most gateways have none.
  const [{ createEngine }, { loadService }] = await Promise.all([
    import("./engine.ts"),
    import("./service_source.ts"),
  ]);
  const service = await loadService(config, deps, closed.signal);
  for (const reason of service.leftOut) log.warn("Left out an operation", { reason });
  const made = createEngine(config, service, deps);
  const checked = await withSoundSchemas(made.tools, deps);
  deps.corrections.add("tools/list", checked.corrections);
  const engine = { ...made, tools: checked.tools };
  await deps.pins?.see(engine.tools, {
    principal: "",
    variant: "",
    key: "",
    // The server's own part of an OpenAPI document, and what the configuration makes of it.
    version: await deps.digest(JSON.stringify([service.version, service.baseUrl])),
    isWhole: true,
  });
  source.engine = engine;
  source.problem = undefined;
  source.status.note();
  const lists = {
    tools: offeredTools(source, engine),
    prompts: [],
    resources: [],
    templates: [],
    skills: [],
  };
  log.info(describeCatalog(config.name, { lists }, clock.monotonic() - started));
  announceTools(watchers);
  return engine;
}

/** Tells all clients that other tools are offered. */
export function announceTools(watchers: Watchers): void {
  const method = "notifications/tools/list_changed";
  watchers.tell(undefined, { kind: "notice", method, params: {} });
}

/** The tools of the service that may be offered. */
export function offeredTools(
  { deps: { pins } }: EngineSource,
  { tools }: Engine,
): readonly JsonObject[] {
  return pins?.offered(tools) ?? tools;
}

function fail(source: EngineSource, thrown: unknown): never {
  const { deps: { clock, limits, log }, closed: { signal }, watchers, problem } = source;
  const error = toGatewayError(thrown);
  if (signal.aborted) throw error;
  if (error.message !== problem?.error.message) {
    log.error("Cannot read what the service offers", { error });
  }
  const backoffMs = Math.min(
    (problem?.backoffMs ?? limits.restReloadMsMin / 2) * 2,
    limits.restReloadMsMax,
  );
  source.problem = { error, backoffMs, until: clock.monotonic() + backoffMs };
  source.status.note();
  // Clients that listen for changes get a notice when the service works again.
  void sleep(clock, backoffMs, signal).then(() => {
    if (watchers.scopes().length > 0 && !signal.aborted) readyEngine(source).catch(() => {});
  });
  throw error;
}
