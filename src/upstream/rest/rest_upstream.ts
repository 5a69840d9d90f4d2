/**
 * The kind `rest`: a web API whose operations are tools. It keeps no session and starts no process.
 * A call is one request, or a few, and faults become results that the model can read. Not here: when
 * its description is read (engine_source.ts), and how arguments become a request and an answer a
 * result (engine.ts).
 */
import type { RestServerConfig } from "../../config/config.ts";
import { GatewayError, toGatewayError, withOutcome } from "../../errors.ts";
import { isJsonObject } from "../../json.ts";
import type { Call, Description, Exchange, JsonObject } from "../../model.ts";
import { createExchange } from "../exchange_source.ts";
import { traceInMeta } from "../../trace_context.ts";
import type { Engine } from "./engine.ts";
import {
  announceTools,
  createEngineSource,
  type EngineSource,
  offeredTools,
  readyEngine,
} from "./engine_source.ts";
import { degradedKey } from "./result.ts";
import { notOffered, offersTool } from "../offered_tool.ts";
import type { CreateUpstream, Upstream, UpstreamStatus } from "../upstream.ts";
import { createWatchers } from "../watchers.ts";

/** One web API as an upstream. */
interface WebApi {
  readonly source: EngineSource;
  /** Whether the last call was made without credentials. */
  isDegraded: boolean;
}

/** Makes the upstream of one web API; nothing is read yet. */
export const createRestUpstream: CreateUpstream<RestServerConfig> = (config, deps): Upstream => {
  const watchers = createWatchers(deps);
  const source = createEngineSource(config, deps, watchers);
  const api: WebApi = { source, isDegraded: false };
  const stopPins = deps.pins?.watch(() => announceTools(watchers));
  return {
    name: config.name,
    describe: async () => describe(await readyEngine(source)),
    knownDescription: () => source.engine && describe(source.engine),
    async list(kind) {
      const engine = await readyEngine(source);
      return kind === "tools" ? offeredTools(source, engine) : [];
    },
    known(kind) {
      if (source.engine === undefined) return undefined;
      return kind === "tools" ? offeredTools(source, source.engine) : [];
    },
    freshness: () => undefined,
    hasListed: (kind, own) =>
      kind === "tools" && source.engine?.tools.some(({ name }) => name === own) === true,
    open: (call) => open(api, call),
    notify: () => {},
    watch: watchers.add,
    endScope: (scope) => source.engine?.endScope(scope),
    trial: () => readyEngine(source).then(() => {}, () => {}),
    status: () => statusOf(api),
    async close() {
      stopPins?.();
      source.closed.abort();
      await source.loading?.catch(() => {});
    },
  };
};

function describe({ service: { title, version, instructions } }: Engine): Description {
  return {
    // It lists no resource, but a shortened answer can be read on as one.
    capabilities: { tools: { listChanged: true }, resources: {} },
    serverInfo: { name: title, version: version ?? "" },
    ...(instructions === undefined ? {} : { instructions }),
  };
}

function open(api: WebApi, call: Call): Exchange {
  const { deps, closed } = api.source;
  const stop = new AbortController();
  const end = () => stop.abort();
  closed.signal.addEventListener("abort", end);
  const source = createExchange(deps, { cancelled: end, asking: () => {} });
  run(api, call, stop.signal).then(
    (value) => source.end({ kind: "result", value }),
    (thrown) => source.end({ kind: "failure", error: toGatewayError(thrown) }),
  ).finally(() => closed.signal.removeEventListener("abort", end));
  return source.exchange;
}

async function run(
  api: WebApi,
  { method, params, caller: { principal, scope }, target }: Call,
  signal: AbortSignal,
): Promise<JsonObject> {
  const { source } = api;
  if (method === "resources/read") {
    const { uri } = params;
    throw new GatewayError("resource_not_found", `Resource not found: "${uri}"`, {
      data: { uri, outcome: "not_sent" },
    });
  }
  if (method !== "tools/call") {
    throw new GatewayError("method_not_found", `Server "${source.config.name}" has only tools`, {
      data: { outcome: "not_sent" },
    });
  }
  const { name: tool, arguments: given = {} } = params;
  const loaded = await readyEngine(source).catch((thrown: unknown) => {
    throw withOutcome(toGatewayError(thrown), "not_sent");
  });
  if (source.deps.pins?.withholds === true && !offersTool(offeredTools(source, loaded), tool)) {
    throw notOffered(tool);
  }
  const use = { principal: principal.id, scope };
  // Its id alone: the other members can name persons, and the API may be anyone's.
  const { traceparent } = traceInMeta(params["_meta"]) ?? {};
  const result = await loaded.call(String(tool), given, use, signal, {
    charsMax: target?.resultCharsMax,
    traceparent,
  });
  api.isDegraded = isJsonObject(result["_meta"]) && result["_meta"][degradedKey] === true;
  return result;
}

function statusOf({ source, isDegraded }: WebApi): UpstreamStatus {
  const { engine, problem, status } = source;
  const now = { ...status.now(), connections: 0, waiting: engine?.waiting() };
  if (problem !== undefined) {
    const { message, code } = problem.error;
    return { ...now, problem: message, error: code };
  }
  const error = isDegraded ? "credentials_missing" : undefined;
  if (engine === undefined) return { ...now, error };
  const { title: name, version = "" } = engine.service;
  const facts = { tools: offeredTools(source, engine).length, prompts: 0, resources: 0 };
  return { ...now, ...facts, serverInfo: { name, version }, error };
}
