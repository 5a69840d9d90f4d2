/**
 * The engine of a REST service: from a tool's call to a request within the service, and from its
 * answer to a result. What it needs to know stands in the service's data (service.ts).
 */
import type { RestServerConfig } from "../../config/config.ts";
import { createAuthorization } from "../../credentials/kinds.ts";
import { GatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import type { CredentialUse } from "../../outgoing/authorization.ts";
import { createHttpCaller } from "../../outgoing/caller.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Service } from "./service.ts";

/** A service that can be called. */
export interface Engine {
  readonly service: Service;
  /** As `tools/list` gives them. */
  readonly tools: readonly JsonObject[];
  /**
   * A tool's result. What the API or the way to it did wrong is a result with `isError`; rejects
   * with a GatewayError for a tool that there is not (`invalid_params`) and when cancelled.
   */
  call(
    tool: string,
    given: unknown,
    use: CredentialUse,
    signal: AbortSignal,
  ): Promise<JsonObject>;
  /** The scope is over: nothing needs to be remembered of it. */
  endScope(scope: string): void;
}

/** Makes the engine of one service. */
export function createEngine(
  config: RestServerConfig,
  service: Service,
  deps: UpstreamDeps,
): Engine {
  const { name: server, headers, credentials, anonymousTools } = config;
  const authorization = createAuthorization({ server, credentials, anonymousTools }, deps);
  const caller = createHttpCaller({
    ...deps,
    server,
    url: service.baseUrl,
    headers,
    authorization,
  });
  const operations = new Map(service.operations.map((operation) => [operation.name, operation]));
  return {
    service,
    tools: service.operations.map(({ name, description, inputSchema }) => ({
      name,
      description,
      inputSchema,
    })),
    async call(tool, _given, use, signal) {
      const operation = operations.get(tool);
      if (operation === undefined) {
        throw new GatewayError("invalid_params", `Unknown tool ${JSON.stringify(tool)}`);
      }
      const answer = await caller.call({
        url: `${service.baseUrl}${operation.path}`,
        method: operation.method,
        headers: { accept: "application/json" },
        timeoutMs: config.callTimeoutMs,
        repeatable: operation.repeatable,
        use: { ...use, tool },
      }, signal);
      return { content: [{ type: "text", text: await answer.text() }] };
    },
    endScope: () => {},
  };
}
