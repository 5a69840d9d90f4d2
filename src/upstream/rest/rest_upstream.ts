/**
 * The kind `rest`: a web API whose operations are tools. It keeps no session and starts no process.
 * Its description is read when a client first needs it, and again after a backoff if that failed. A
 * call is one request, or a few, and faults become results that the model can read. Not here: how
 * arguments become a request and an answer a result (rest/engine.ts).
 */
import { sleep } from "../../clock.ts";
import type { RestServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { Call, JsonObject } from "../../model.ts";
import { describeCatalog } from "../catalog/catalog_line.ts";
import { createExchange } from "../exchange_source.ts";
import { createEngine, type Engine } from "./engine.ts";
import { degradedKey } from "./result.ts";
import { loadService } from "./service_source.ts";
import { withSoundSchemas } from "../catalog/sound_tools.ts";
import { createStatus } from "../upstream_status.ts";
import type { CreateUpstream, Upstream } from "../upstream.ts";
import { createWatchers } from "../watchers.ts";

/** Why the service cannot be used, and the earliest time of the next attempt. */
interface Problem {
  readonly error: GatewayError;
  readonly backoffMs: number;
  readonly until: number;
}

/** Makes the upstream of one web API; nothing is read yet. */
export const createRestUpstream: CreateUpstream<RestServerConfig> = (config, deps): Upstream => {
  const { name } = config;
  const { clock, limits, log } = deps;
  const closed = new AbortController();
  const watchers = createWatchers(deps);
  let loading: Promise<Engine> | undefined;
  let problem: Problem | undefined;
  let engine: Engine | undefined;
  let isDegraded = false;
  const status = createStatus(name, deps, () => {
    if (problem !== undefined) return { state: "failing", problem: problem.error.message };
    if (engine !== undefined) return { state: "running" };
    return { state: loading === undefined ? "idle" : "starting" };
  });

  const load = async (): Promise<Engine> => {
    const started = clock.monotonic();
    const service = await loadService(config, deps, closed.signal);
    for (const reason of service.leftOut) log.warn("Left out an operation", { reason });
    const made = createEngine(config, service, deps);
    const checked = await withSoundSchemas(made.tools, deps);
    deps.corrections.add("tools/list", checked.corrections);
    engine = { ...made, tools: checked.tools };
    problem = undefined;
    status.note();
    const lists = { tools: engine.tools, prompts: [], resources: [], templates: [] };
    log.info(describeCatalog(name, { lists }, clock.monotonic() - started));
    const method = "notifications/tools/list_changed";
    for (const scope of watchers.scopes()) {
      watchers.tell(scope, { kind: "notice", method, params: {} });
    }
    return engine;
  };
  const fail = (thrown: unknown): never => {
    const error = toGatewayError(thrown);
    if (closed.signal.aborted) throw error;
    if (error.message !== problem?.error.message) {
      log.error("Cannot read what the service offers", { error });
    }
    const backoffMs = Math.min(
      (problem?.backoffMs ?? limits.restReloadMsMin / 2) * 2,
      limits.restReloadMsMax,
    );
    problem = { error, backoffMs, until: clock.monotonic() + backoffMs };
    status.note();
    // Clients that listen for changes get a notice when the service works again.
    void sleep(clock, backoffMs, closed.signal).then(() => {
      if (watchers.scopes().length > 0 && !closed.signal.aborted) ready().catch(() => {});
    });
    throw error;
  };
  const ready = (): Promise<Engine> => {
    if (engine !== undefined) return Promise.resolve(engine);
    if (problem !== undefined && clock.monotonic() < problem.until) {
      return Promise.reject(problem.error);
    }
    loading ??= load().catch(fail).finally(() => void (loading = undefined));
    return loading;
  };

  const run = async (call: Call, signal: AbortSignal): Promise<JsonObject> => {
    const { method, params, caller } = call;
    if (method !== "tools/call") {
      throw new GatewayError("method_not_found", `Server "${name}" has only tools`, {
        data: { outcome: "not_sent" },
      });
    }
    const { principal, scope } = caller;
    const use = { principal: principal.id, scope };
    const { name: tool, arguments: given = {} } = params;
    const loaded = await ready().catch((thrown: unknown) => {
      throw withOutcome(toGatewayError(thrown), "not_sent");
    });
    const result = await loaded.call(String(tool), given, use, signal);
    isDegraded = isJsonObject(result["_meta"]) && result["_meta"][degradedKey] === true;
    return result;
  };

  return {
    name,
    async describe() {
      const { title, version, instructions } = (await ready()).service;
      return {
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: title, version: version ?? "" },
        ...(instructions === undefined ? {} : { instructions }),
      };
    },
    async list(kind) {
      const { tools } = await ready();
      return kind === "tools" ? tools : [];
    },
    known: (kind) => engine === undefined ? undefined : kind === "tools" ? engine.tools : [],
    freshness: () => undefined,
    open(call) {
      const stop = new AbortController();
      const end = () => stop.abort();
      closed.signal.addEventListener("abort", end);
      const source = createExchange({ limits, clock }, { cancelled: end, asking: () => {} });
      run(call, stop.signal).then(
        (value) => source.end({ kind: "result", value }),
        (thrown) => source.end({ kind: "failure", error: toGatewayError(thrown) }),
      ).finally(() => closed.signal.removeEventListener("abort", end));
      return source.exchange;
    },
    notify: () => {},
    watch: watchers.add,
    endScope(scope) {
      watchers.forget(scope);
      engine?.endScope(scope);
    },
    trial: () => ready().then(() => {}, () => {}),
    status() {
      const tools = engine?.tools.length;
      if (problem !== undefined) {
        const { message, code } = problem.error;
        return { ...status.now(), connections: 0, problem: message, error: code };
      }
      // The last call was made without credentials.
      const error = isDegraded ? "credentials_missing" : undefined;
      return { ...status.now(), connections: 0, tools, error };
    },
    async close() {
      closed.abort();
      await loading?.catch(() => {});
    },
  };
};
