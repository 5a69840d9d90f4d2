/** One request to a surface on its way to a binding: whether it may begin work, and its body. */
import { localConsumer } from "../consumers.ts";
import { GatewayError } from "../errors.ts";
import type { PrincipalRates } from "../gateway/principal_rates.ts";
import type { Limits } from "../limits.ts";
import type { Principal } from "../model.ts";
import type { FetchContext } from "../runtime/runtime.ts";
import type { BodySender } from "./body_room.ts";
import type { ConsumerRule } from "./consumer_rule.ts";
import type { Phase } from "./health.ts";
import type { AskInstance, PassableRequest } from "./elsewhere.ts";
import { type BodyReaders, jsonOf } from "./json_body.ts";

/** What such a request needs of the HTTP layer. */
export interface SurfaceRequestDeps {
  readonly deps: { readonly rates: PrincipalRates; readonly limits: Limits };
  readonly bodies: BodyReaders;
  readonly consumerRule: ConsumerRule;
  /** The key of the session that a request names, if it is in memory. */
  readonly sessionKey: (headers: Headers) => string | undefined;
  readonly phase: () => Phase;
  /** Absent: this instance is the only one. */
  readonly elsewhere?: { readonly askInstance: AskInstance } | undefined;
}

/** A request as the bindings see it. A class, so that requests share their functions. */
export class SurfaceRequest implements PassableRequest, BodySender {
  readonly request: Request;
  readonly fetchContext: FetchContext;
  readonly path: string;
  readonly principal: Principal;
  readonly surface: string;
  readonly #layer: SurfaceRequestDeps;
  #consumer: string | undefined;
  /** Set when the body was read, or when it came from another instance. */
  #text: Promise<string> | undefined;
  #isForwarded = false;

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

  /** It has passed another instance, which says whose share it takes. */
  cameBy(consumer: string, body: string | undefined): void {
    this.#isForwarded = true;
    this.#consumer = consumer;
    if (body !== undefined) this.#text = Promise.resolve(body);
  }

  get isForwarded(): boolean {
    return this.#isForwarded;
  }

  askInstance(name: string, body: unknown): Promise<Response | undefined> | undefined {
    return this.#isForwarded ? undefined : this.#layer.elsewhere?.askInstance(this, name, body);
  }

  assertOpen(goesOn = false): void {
    const phase = this.#layer.phase();
    if (phase === "ready" || phase === "leaving" || (goesOn && phase === "draining")) return;
    throw new GatewayError(phase);
  }

  /** Whose turn it takes and whose room its body: its session's, where sessions are consumers. */
  get taker(): string {
    const { consumer, request } = this;
    if (consumer !== localConsumer) return consumer;
    return this.#layer.sessionKey(request.headers) ?? consumer;
  }

  readJson(): Promise<unknown> {
    const { bodies, deps: { limits } } = this.#layer;
    if (this.#text !== undefined) return this.#text.then((text) => jsonOf(text, limits));
    return bodies.readJson(this.request, this);
  }

  keepText(text: string): void {
    this.#text = Promise.resolve(text);
  }

  readText(): Promise<string> {
    return this.#text ??= this.#layer.bodies.readText(this.request, this);
  }

  /** The error for a body that exceeds the share. */
  refuseBody(): GatewayError {
    const text = "Cannot take the request body: too many large ones of this client arrive at once";
    return this.#layer.deps.rates.refuse(this, "bodies", text);
  }
}
