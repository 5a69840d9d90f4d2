/** One request to a surface on its way to a binding: whether it may begin work, and its body. */
import { localConsumer } from "../consumers.ts";
import { GatewayError } from "../errors.ts";
import type { PrincipalRates } from "../gateway/principal_rates.ts";
import type { Principal } from "../model.ts";
import type { FetchContext } from "../runtime/runtime.ts";
import type { BodySender } from "./body_room.ts";
import type { ConsumerRule } from "./consumer_rule.ts";
import type { Phase } from "./health.ts";
import type { JsonReader } from "./json_body.ts";
import type { RequestContext } from "./request_context.ts";

/** What such a request needs of the HTTP layer. */
export interface SurfaceRequestDeps {
  readonly deps: { readonly rates: PrincipalRates };
  readonly readJson: JsonReader;
  readonly consumerRule: ConsumerRule;
  /** The key of the session that a request names, if it is in memory. */
  readonly sessionKey: (headers: Headers) => string | undefined;
  readonly phase: () => Phase;
}

/** A request as the bindings see it. A class, so that requests share their functions. */
export class SurfaceRequest implements RequestContext, BodySender {
  readonly request: Request;
  readonly fetchContext: FetchContext;
  readonly path: string;
  readonly principal: Principal;
  readonly surface: string;
  readonly #layer: SurfaceRequestDeps;
  #consumer: string | undefined;

  constructor(
    layer: SurfaceRequestDeps,
    request: Request,
    fetchContext: FetchContext,
    path: string,
    principal: Principal,
    surface: string,
  ) {
    this.#layer = layer;
    this.request = request;
    this.fetchContext = fetchContext;
    this.path = path;
    this.principal = principal;
    this.surface = surface;
  }

  get consumer(): string {
    return this.#consumer ??= this.#layer.consumerRule(
      this.principal,
      this.request,
      this.fetchContext,
    );
  }

  assertOpen(goesOn = false): void {
    const phase = this.#layer.phase();
    if (phase === "ready" || (goesOn && phase === "draining")) return;
    throw new GatewayError(phase);
  }

  /** Whose turn it takes and whose room its body: its session's, where sessions are consumers. */
  get taker(): string {
    const { consumer, request } = this;
    if (consumer !== localConsumer) return consumer;
    return this.#layer.sessionKey(request.headers) ?? consumer;
  }

  readJson(): Promise<unknown> {
    return this.#layer.readJson(this.request, this);
  }

  /** The error for a body that exceeds the share. */
  refuseBody(): GatewayError {
    const text = "Cannot take the request body: too many large ones of this client arrive at once";
    return this.#layer.deps.rates.refuse(this, "bodies", text);
  }
}
