/** One request to a surface on its way to a binding: whether it may begin work, and its body. */
import { GatewayError } from "../errors.ts";
import type { PrincipalRates } from "../gateway/principal_rates.ts";
import type { Principal } from "../model.ts";
import { standsForOne } from "../principals.ts";
import type { FetchContext } from "../runtime/runtime.ts";
import type { BodySender } from "./body_room.ts";
import type { Phase } from "./health.ts";
import type { JsonReader } from "./json_body.ts";
import type { RequestContext } from "./request_context.ts";

/** What such a request needs of the HTTP layer. */
export interface SurfaceRequestDeps {
  readonly deps: { readonly rates: PrincipalRates };
  readonly readJson: JsonReader;
  readonly phase: () => Phase;
}

/** A request as the bindings see it. A class, so that requests share their functions. */
export class SurfaceRequest implements RequestContext {
  readonly request: Request;
  readonly fetchContext: FetchContext;
  readonly path: string;
  readonly principal: Principal;
  readonly surface: string;
  readonly #layer: SurfaceRequestDeps;

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

  assertOpen(goesOn = false): void {
    const phase = this.#layer.phase();
    if (phase === "ready" || (goesOn && phase === "draining")) return;
    throw new GatewayError(phase);
  }

  readJson(): Promise<unknown> {
    return this.#layer.readJson(this.request, senderOf(this.#layer, this.principal));
  }
}

/** Whose body it is; undefined of clients that do not authenticate, which have no share. */
function senderOf(
  { deps: { rates } }: SurfaceRequestDeps,
  principal: Principal,
): BodySender | undefined {
  if (!standsForOne(principal)) return undefined;
  const text = "Cannot take the request body: too many large ones of this client arrive at once";
  return { id: principal.id, refusal: () => rates.refuse(principal, "bodies", text) };
}
