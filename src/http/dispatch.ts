/**
 * Takes one request through the HTTP layer: guard, route, principal, surface, endpoint, and the
 * response back. A step returns a promise only when it has to wait, which spares every call the
 * promises. Not here: which URLs exist (routes.ts), and what their endpoints do.
 */
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { PrincipalRates } from "../gateway/principal_rates.ts";
import type { Gateway } from "../gateway/surface.ts";
import type { Limits } from "../limits.ts";
import type { ForwardedRequest } from "../instances/forwarded_request.ts";
import type { Log } from "../log.ts";
import { anonymousPrincipal, type Principal } from "../model.ts";
import type { FetchContext, FetchHandler } from "../runtime/runtime.ts";
import type { Emit } from "../telemetry/events.ts";
import { instanceHeader } from "../version.ts";
import { type AdmissionDeps, type AdmissionRequest, admit, refuseServer } from "./admission.ts";
import type { ClientAddress } from "./client_address.ts";
import type { ConsumerRule } from "./consumer_rule.ts";
import { discardBody } from "./discard.ts";
import { EndpointTarget } from "./endpoint_target.ts";
import type { Guard } from "./guard.ts";
import type { Phase } from "./health.ts";
import type { Elsewhere } from "./elsewhere.ts";
import type { BodyReaders } from "./json_body.ts";
import type { OpenContext } from "./request_context.ts";
import type { RequestTurns } from "./request_turns.ts";
import {
  emptyResponse,
  errorCodeOf,
  errorResponse,
  faultResponse,
  type HeaderPairs,
} from "./respond.ts";
import {
  decodeName,
  type Endpoint,
  type Match,
  type OpenRow,
  type SurfaceRow,
} from "./route_match.ts";
import { fillName, type SurfaceKind } from "./surface_kinds.ts";
import { SurfaceRequest } from "./surface_request.ts";

/** The parts of the HTTP layer that a request passes. */
export interface DispatchDeps {
  readonly deps: {
    readonly gateway: Gateway;
    readonly rates: PrincipalRates;
    readonly instance: string;
    readonly limits: Limits;
    readonly clock: Clock;
    readonly log: Log;
    readonly emit: Emit;
  };
  readonly guard: Guard;
  readonly admission: AdmissionDeps;
  readonly match: (url: string) => Match | Promise<Match>;
  readonly bodies: BodyReaders;
  readonly clientAddress: ClientAddress;
  readonly consumerRule: ConsumerRule;
  readonly turns: RequestTurns;
  /** The key of the session that a request names, if it is in memory. */
  readonly sessionKey: (headers: Headers) => string | undefined;
  readonly phase: () => Phase;
  /** Requests of clients so far. */
  readonly taken: { requests: number };
  /** Absent: this instance is the only one, and serves all. */
  readonly elsewhere?: Elsewhere | undefined;
}

/** Refusals of credentials, rights and rates, of which an operator wants to know the source. */
const tellingStatuses: ReadonlySet<number> = new Set([401, 403, 429]);

/** A response, or a promise if that takes a wait. */
export type EventualResponse = Response | Promise<Response>;

/** What is known of a request that comes without a context. */
export const noContext: FetchContext = {};

/** Makes the handler of all requests; it never rejects. */
export function createDispatch(layer: DispatchDeps): FetchHandler {
  return (request, fetchContext = noContext) => {
    const arrived: RequestOnItsWay = { layer, request, fetchContext, cors: undefined };
    layer.taken.requests += 1;
    try {
      const answered = take(arrived);
      // One promise for the way back, however many steps the response passes.
      return Promise.resolve(answered).then(
        (response) => finish(arrived, response),
        (thrown) => fail(arrived, thrown),
      );
    } catch (thrown) {
      return Promise.resolve(fail(arrived, thrown));
    }
  };
}

/** Stands for the answer to a forwarded request for which this is the wrong instance. */
export const notOwned = new Response(null, { status: 421 });

/** A request on its way through the layer. */
export interface RequestOnItsWay {
  readonly layer: DispatchDeps;
  readonly request: Request;
  readonly fetchContext: FetchContext;
  /** Set by the guard if a browser sent the request. */
  cors: HeaderPairs | undefined;
  /** What another instance passed on. */
  readonly forwarded?: ForwardedRequest;
}

function take(arrived: RequestOnItsWay): EventualResponse {
  const { layer, request } = arrived;
  // Before the guard, because the gateway may have called itself under any host name.
  if (request.headers.get(instanceHeader) === layer.deps.instance) {
    throw new GatewayError("leads_back");
  }
  arrived.cors = layer.guard.admit(request);
  const found = layer.match(request.url);
  return found instanceof Promise
    ? found.then((match) => answer(arrived, match))
    : answer(arrived, found);
}

/** Lets the endpoint of a row answer. */
function answer(arrived: RequestOnItsWay, match: Match): EventualResponse {
  const { layer, request, fetchContext } = arrived;
  const { row, path } = match;
  if (request.method === "OPTIONS") {
    // No authentication: browsers send a preflight without credentials. So where clients need some,
    // it must not show which servers exist.
    if (!isOpen(row) && row.openAnswer === undefined && letsAllIn(layer)) {
      surfaceOf(layer, row.kind, match.name, anonymousPrincipal);
    }
    return emptyResponse(204, layer.guard.preflightHeaders(request, methodsOf(row)));
  }
  if (isOpen(row)) return answerOpenly(row, { request, fetchContext, path });
  const open = row.openAnswer?.({ request, fetchContext, path }, match.name);
  if (open !== undefined) return open;
  assertOrigin(layer, row, request);
  // Before the name is looked up, so that only authenticated clients learn which servers exist.
  const admitted = admit(layer.admission, askedOf(arrived, row, match));
  return admitted instanceof Promise
    ? admitted.then((outcome) => answerFor(arrived, row, match, outcome))
    : answerFor(arrived, row, match, admitted);
}

function letsAllIn({ admission: { authenticator } }: DispatchDeps): boolean {
  return authenticator.letsAllIn === true;
}

/**
 * Where clients need no credentials, the origin of a page decides. Otherwise it is irrelevant to
 * what pages of every origin may read: a page cannot send credentials that it was not given.
 */
function assertOrigin(layer: DispatchDeps, { openAnswer }: SurfaceRow, request: Request): void {
  if (openAnswer === undefined || !letsAllIn(layer)) return;
  if (!layer.guard.takesOrigin(request)) throw new GatewayError("origin_forbidden");
}

function answerOpenly(row: OpenRow, context: OpenContext): EventualResponse {
  const { request } = context;
  const endpoint = endpointOf(row.openMethods, request);
  const answered = endpoint === undefined ? refuseMethod(row) : endpoint(context);
  if (request.method !== "HEAD") return answered;
  const withoutBody = (response: Response) => new Response(null, response);
  return answered instanceof Promise ? answered.then(withoutBody) : withoutBody(answered);
}

/** The request as admission sees it. */
function askedOf(
  arrived: RequestOnItsWay,
  { kind, suffix = "" }: SurfaceRow,
  { path, name }: Match,
): AdmissionRequest {
  const { layer: { admission }, request, fetchContext } = arrived;
  const endpoint = { path: path.slice(0, path.length - suffix.length), name };
  const target = new EndpointTarget(admission.baseUrl, arrived, kind, endpoint);
  return { request, target, fetchContext };
}

/** The answer for a principal that was let in. */
export function answerFor(
  arrived: RequestOnItsWay,
  row: SurfaceRow,
  match: Match,
  principal: Principal | Response,
): EventualResponse {
  if (principal instanceof Response) return principal;
  const { layer, request, fetchContext } = arrived;
  const { name, path } = match;
  const { kind } = row;
  if (kind.isServer === true && name !== undefined && principal.servers !== undefined) {
    const asked = askedOf(arrived, row, match);
    const refusal = refuseServer(layer.admission, asked, principal, decodeName(name));
    if (refusal !== undefined) return refusal;
  }
  const surface = surfaceOf(layer, kind, name, principal);
  const endpoint = endpointOf(row.methods, request);
  if (endpoint === undefined) return refuseMethod(row);
  const context = new SurfaceRequest(layer, request, fetchContext, path, principal, surface);
  const { forwarded } = arrived;
  if (forwarded !== undefined) context.cameBy(forwarded.consumer, forwarded.body);
  const turn = layer.turns.take(context.taker);
  const answered = turn === undefined
    ? serve(layer, endpoint, context, forwarded)
    : turn.then(() => serve(layer, endpoint, context, forwarded));
  const { successor } = row;
  if (successor === undefined) return answered;
  const headers = deprecationHeaders(successor, name);
  return Promise.resolve(answered).then((response) => withHeaders(response, headers));
}

/** Lets the endpoint answer, or the instance that owns what the request names. */
function serve(
  { elsewhere }: DispatchDeps,
  endpoint: Endpoint,
  context: SurfaceRequest,
  forwarded: ForwardedRequest | undefined,
): EventualResponse {
  if (elsewhere === undefined) return endpoint(context);
  if (forwarded !== undefined) {
    return elsewhere.accepts(context, forwarded.mayTake)
      .then((isOurs) => isOurs ? endpoint(context) : notOwned);
  }
  const asked = elsewhere.ask(context);
  return asked === undefined
    ? endpoint(context)
    : asked.then((response) => response ?? endpoint(context));
}

/** Whether a row needs no principal. */
export function isOpen(row: OpenRow | SurfaceRow): row is OpenRow {
  return "openMethods" in row;
}

function methodsOf(row: OpenRow | SurfaceRow): string {
  return [...Object.keys(isOpen(row) ? row.openMethods : row.methods), "OPTIONS"].join(", ");
}

function refuseMethod(row: OpenRow | SurfaceRow): Response {
  const allow = methodsOf(row);
  return errorResponse(new GatewayError("method_not_allowed"), undefined, { allow });
}

/**
 * The surface of a path. Throws `path_unknown` when no surface has the name, or when the principal
 * may know none of its servers.
 */
function surfaceOf(
  { deps }: DispatchDeps,
  kind: SurfaceKind,
  name: string | undefined,
  principal: Principal,
): string {
  if (name === undefined) return kind.surface;
  const surface = fillName(kind.surface, decodeName(name));
  const found = deps.gateway.surface(surface, principal);
  if (found !== undefined && found.isHidden !== true) return surface;
  throw new GatewayError("path_unknown", `Cannot find "${surface}": ${kind.unknown}`);
}

function endpointOf<Kind>(
  methods: Readonly<Record<string, Kind>>,
  { method }: Request,
): Kind | undefined {
  return Object.hasOwn(methods, method) ? methods[method] : undefined;
}

function deprecationHeaders(successor: string, name: string | undefined): HeaderPairs {
  const link = `<${fillName(successor, name)}>; rel="successor-version"`;
  return { deprecation: "true", link };
}

function withHeaders(response: Response, headers: HeaderPairs): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

/** The response to anything thrown on the way. */
export function fail(arrived: RequestOnItsWay, thrown: unknown): EventualResponse {
  return finish(arrived, faultResponse(thrown, arrived.layer.deps.log));
}

/** Adds the CORS headers; for a refusal, reports it and discards the rest of the body. */
export function finish(arrived: RequestOnItsWay, response: Response): EventualResponse {
  const { layer: { deps, clientAddress }, request, fetchContext, cors } = arrived;
  if (cors !== undefined) withHeaders(response, cors);
  if (response.status < 400) return response;
  const code = errorCodeOf(response);
  const { status } = response;
  const address = tellingStatuses.has(status) ? clientAddress(request, fetchContext) : undefined;
  deps.emit({ type: "request_refused", status, code, address });
  return discardBody(request, deps).then(() => response);
}
