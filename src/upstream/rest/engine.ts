/**
 * The engine of a web API: from a tool's call to a request within the service, and from the answer
 * to a result. The service's data (service.ts) has all details; this file connects the parts for
 * each tool. Not here: how a request is sent (send.ts).
 */
import type { RestServerConfig } from "../../config/config.ts";
import { nearestName } from "../../config/nearest.ts";
import { createAuthorization } from "../../credentials/credential_kinds.ts";
import { GatewayError, toGatewayError } from "../../errors.ts";
import type { JsonObject } from "../../model.ts";
import {
  type CredentialUse,
  emptyContext,
  type SecurityContext,
} from "../../outgoing/authorization.ts";
import { createFailures, type Failures } from "../../outgoing/failure.ts";
import type { UpstreamDeps } from "../deps.ts";
import { type CheckArguments, createArgumentsCheck, toBare } from "./arguments.ts";
import { getCredential, startingWith } from "./rest_credential.ts";
import { createNextPage } from "./pagination.ts";
import { compileProjection } from "./projection.ts";
import { buildRequest, type RestRequest } from "./rest_request.ts";
import {
  type Presentation,
  type RequestedView,
  toFailure,
  toInputError,
  toResult,
} from "./result.ts";
import { compileSchema } from "./schema_check.ts";
import { createSend } from "./send.ts";
import type { Operation, Service } from "./service.ts";
import { createTool, type Tool } from "./tool.ts";

/** A service that can be called. */
export interface Engine {
  readonly service: Service;
  /** In the form for `tools/list`. */
  readonly tools: readonly JsonObject[];
  /**
   * A tool's result, of which the caller takes `charsMax` characters. Faults of the API or the
   * network are results with `isError`. Rejects with a GatewayError for an unknown tool
   * (`invalid_params`) and after a cancellation. `traceparent` names the trace that the call belongs
   * to.
   */
  call(
    tool: string,
    given: unknown,
    use: CredentialUse,
    signal: AbortSignal,
    more?: { readonly charsMax?: number | undefined; readonly traceparent?: string | undefined },
  ): Promise<JsonObject>;
  /** How many calls wait for their turn. */
  waiting(): number;
  /** The scope has ended; nothing of it needs to be remembered. */
  endScope(scope: string): void;
}

/** Makes the engine of one service. Throws a GatewayError for an invalid expression. */
export function createEngine(
  config: RestServerConfig,
  service: Service,
  deps: UpstreamDeps,
): Engine {
  const { name: server, headers, callTimeoutMs } = config;
  const { clock, limits } = deps;
  const plans = new Map(
    service.operations.map((operation) => [operation.name, createPlan(operation, config, deps)]),
  );
  const authorizations = createAuthorizations(config, service, deps);
  const { send, waiting } = createSend(config, service, deps);

  return {
    service,
    waiting,
    tools: [...plans.values()].map(({ tool }) => tool.listed),
    async call(name, given, use, signal, { charsMax, traceparent } = {}) {
      const plan = plans.get(name);
      if (plan === undefined) throw toUnknownTool(name, plans.keys());
      const { operation, own } = plan.tool;
      const baseUrl = operation.baseUrl ?? service.baseUrl;
      const ends = clock.monotonic() + callTimeoutMs;
      const prepare = (values: JsonObject, context: SecurityContext): RestRequest =>
        buildRequest(
          operation,
          values,
          { baseUrl: (context.baseUrl ?? baseUrl).replace(/\/+$/, ""), context, headers },
          limits,
        );
      let wanted: RequestedView;
      let url: string;
      try {
        wanted = { ...toWanted(plan.checkArguments(given), own), charsMax };
        ({ url } = prepare(wanted.given, emptyContext));
      } catch (thrown) {
        return refuseInput(thrown);
      }
      const failures = createFailures({ server, url, method: operation.method, clock });
      const authorization = operation.login ? authorizations.login : authorizations.usual;
      try {
        const credential = await getCredential(
          authorization,
          { ...use, tool: name },
          { failures, clock, timeoutMs: callTimeoutMs },
          signal,
        );
        const received = await send({
          operation,
          prepare: (context) => prepare(wanted.given, context),
          context: credential.context,
          authorization: startingWith(credential, authorization),
          use: { ...use, tool: name },
          traceparent,
          timeoutMs: Math.max(1, Math.ceil(ends - clock.monotonic())),
        }, signal);
        return toResult(received, wanted, plan.presentation);
      } catch (thrown) {
        const error = toGatewayError(thrown);
        if (signal.aborted || error.code === "cancelled" || error.code === "internal") throw error;
        return toFailure(explain(error, failures), operation);
      }
    },
    endScope(scope) {
      authorizations.usual.endScope?.(scope);
      authorizations.login.endScope?.(scope);
    },
  };
}

/** Everything that the calls of one tool need. */
interface Plan {
  readonly tool: Tool;
  readonly checkArguments: CheckArguments;
  readonly presentation: Presentation;
}

function createPlan(
  whole: Operation,
  { headers, resultCharsMax }: RestServerConfig,
  { limits }: UpstreamDeps,
): Plan {
  const tool = createTool(whole, headers);
  const { projection, name } = tool.operation;
  const { inputSchema, outputSchema } = tool.listed;
  return {
    tool,
    checkArguments: createArgumentsCheck(inputSchema, limits),
    presentation: {
      project: projection === undefined
        ? undefined
        : compileProjection(projection, `the answer of "${name}"`),
      nextPage: createNextPage(tool.operation),
      checkEnvelope: compileSchema(outputSchema, limits),
      own: tool.own,
      operation: tool.operation,
      charsMax: resultCharsMax ?? limits.restResultCharsMax,
      limits,
    },
  };
}

function createAuthorizations(
  { name: server, headers, credentials, login, anonymousTools = [] }: RestServerConfig,
  { baseUrl, operations }: Service,
  deps: UpstreamDeps,
) {
  // Write operations always need credentials, even when they are on the list.
  const reading = new Set(operations.filter((one) => one.readOnly).map(({ name }) => name));
  const others = anonymousTools.filter((name) => !reading.has(name));
  if (others.length > 0) {
    deps.log.warn("Never called without credentials, because these are not read-only tools", {
      tools: others,
    });
  }
  const usual = createAuthorization(
    { server, credentials, anonymousTools: anonymousTools.filter((name) => reading.has(name)) },
    deps,
  );
  return {
    usual,
    login: createAuthorization(
      { server, credentials: login, baseUrl, headers, beside: usual },
      deps,
    ),
  };
}

/** The arguments without those of the engine. */
function toWanted(
  values: JsonObject,
  { raw, skip }: Tool["own"],
): Omit<RequestedView, "charsMax"> {
  const isOwn = (name: string) => name === raw || name === skip;
  return {
    given: toBare(Object.entries(values).filter(([name]) => !isOwn(name))),
    raw: raw !== undefined && values[raw] === true,
    skip: Number(values[skip] ?? 0),
  };
}

function refuseInput(thrown: unknown): JsonObject {
  const error = toGatewayError(thrown);
  if (error.code !== "invalid_params") throw error;
  return toInputError(error);
}

/** Errors without details of the request get its shape (case P4). */
function explain(error: GatewayError, failures: Failures): GatewayError {
  if (error.data?.["url"] !== undefined) return error;
  const why = error.code === "overloaded"
    ? "may not be called so often; retry later"
    : `could not be called: ${error.message}`;
  return failures.create(error.code, why, {
    data: { outcome: "not_sent", ...error.data },
    cause: error,
  });
}

function toUnknownTool(name: string, known: Iterable<string>): GatewayError {
  const near = nearestName(name, known);
  const hint = near === undefined ? "" : `: did you mean "${near}"?`;
  return new GatewayError("invalid_params", `Unknown tool ${JSON.stringify(name)}${hint}`, {
    data: { outcome: "not_sent" },
  });
}
