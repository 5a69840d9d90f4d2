/**
 * Which instance serves a request. What needs no owner, and what this instance owns, is served
 * here, without a promise. What a living instance owns goes there as it came, with the principal
 * that was let in, and its answer comes back as that instance gives it. If the owner does not
 * answer, the request waits for the end of its term and is then served here, unless the owner may
 * have begun a call: then its client hears that the outcome is unknown. Not here: how requests travel
 * (instances/), and what becomes of a lost answer (lost_answer.ts).
 */
import { type Clock, sleep } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Forwarder } from "../instances/forwarder.ts";
import type { LiveInstance } from "../instances/owner_table.ts";
import { type Ownership, untilMoved } from "../instances/ownership.ts";
import type { Limits } from "../limits.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { SessionStore } from "../session/session_store.ts";
import { namedKey } from "./legacy/owned_key.ts";
import { createOwnerWaits, type OwnerWaits } from "./owner_waits.ts";
import { answerGone, isRepeatable, toClient } from "./lost_answer.ts";
import { toForwarded } from "./passed_request.ts";
import type { RequestContext } from "./request_context.ts";

/** The other instances, as the HTTP layer sees them. */
export interface Neighbours {
  readonly ownership: Ownership;
  readonly forwarder: Forwarder;
}

/** What deciding needs. */
export interface ElsewhereDeps extends Pick<Runtime, "sha256"> {
  /** Throws `starting` until this instance is one of several. */
  readonly neighbours: () => Neighbours;
  readonly sessions: Pick<SessionStore, "find">;
  /** The key of the session that a request names, if it is in memory. */
  readonly sessionKey: (headers: Headers) => string | undefined;
  readonly clock: Clock;
  readonly limits: Limits;
}

/** The same, with the requests that wait. */
interface Placing extends ElsewhereDeps {
  readonly waits: OwnerWaits;
}

/** A request that may go on to another instance. */
export interface PassableRequest extends RequestContext {
  /** The text of the body, which `readJson` can still read. */
  readText(): Promise<string>;
  /** Keeps a body that was read as the text that goes on. */
  keepText(text: string): void;
}

/** See `RequestContext.askInstance`. */
export type AskInstance = (
  context: PassableRequest,
  instance: string,
  body: unknown,
) => Promise<Response | undefined> | undefined;

/** Decides it. */
export interface Elsewhere {
  /** The answer of another instance; undefined, at once or as a promise, to serve it here. */
  ask(context: PassableRequest): Promise<Response | undefined> | undefined;
  /**
   * Whether a request that another instance passed on is served here. `mayTake`: also if no instance
   * owns what it names.
   */
  accepts(context: PassableRequest, mayTake: boolean): Promise<boolean>;
  readonly askInstance: AskInstance;
}

/** Makes it. */
export function createElsewhere(options: ElsewhereDeps): Elsewhere {
  const deps: Placing = { ...options, waits: createOwnerWaits(options.limits) };
  return {
    ask(context) {
      const key = keyOf(deps, context);
      if (key === undefined) return undefined;
      const { ownership } = deps.neighbours();
      const holding = ownership.holds(key);
      if (holding === "held") return undefined;
      return holding === "silent" ? renewed(ownership, key) : place(deps, context, key);
    },
    async accepts(context, mayTake) {
      const key = keyOf(deps, context);
      const { ownership } = deps.neighbours();
      // A parked call is where its state says, and its step looks for it.
      if (key === undefined) return true;
      const holding = ownership.holds(key);
      if (holding === "silent") await ownership.renew();
      const now = ownership.holds(key);
      if (now === "held") return true;
      // Who cannot renew must not answer for a key that others may own soon.
      if (now === "silent" || !mayTake) return false;
      if (!await isTheirs(deps, context, key)) return true;
      return await ownership.claim(key);
    },
    askInstance(context, instance, body) {
      const { ownership } = deps.neighbours();
      if (instance === ownership.name) return undefined;
      return askInstance(deps, context, instance, JSON.stringify(body));
    },
  };
}

/** Resolves if a key is owned here after another attempt to renew; else rejects. */
async function renewed(ownership: Ownership, key: string): Promise<undefined> {
  await ownership.renew();
  if (ownership.holds(key) === "held") return undefined;
  const text = "The store that the instances of the gateway share cannot be reached; retry later";
  throw new GatewayError("store_unavailable", text);
}

function keyOf({ sessionKey, sha256 }: ElsewhereDeps, context: PassableRequest) {
  return sessionKey(context.request.headers) ?? namedKey(sha256, context);
}

/** Whether there is a session of this key that the client may use. */
async function isTheirs(
  { sessions }: ElsewhereDeps,
  { surface, principal }: PassableRequest,
  key: string,
): Promise<boolean> {
  const record = await sessions.find(key);
  return record?.surface === surface && record.principal === principal.id;
}

/** Finds the instance for a key, which may change meanwhile, and passes the request on. */
async function place(
  deps: Placing,
  context: PassableRequest,
  key: string,
): Promise<Response | undefined> {
  const { ownership } = deps.neighbours();
  // However often the owner changes meanwhile.
  const end = deps.clock.monotonic() + deps.limits.takeoverWaitMs;
  let before: LiveInstance | undefined;
  let pauseMs: number = deps.limits.forwardRetryMs;
  let hasSuccessor = ownership.isLeaving();
  for (let changes = 0; changes < deps.limits.ownerChangesMax;) {
    let owner = await ownership.find(key);
    let mayTake = false;
    if (owner === undefined) {
      if (!await isTheirs(deps, context, key)) return await asUnknown(deps, context);
      owner = hasSuccessor ? await successor(deps) : undefined;
      mayTake = owner !== undefined;
    }
    if (owner === undefined) {
      if (await ownership.claim(key)) return undefined;
      changes += 1;
      continue;
    }
    const answered = await passOn(deps, context, owner, { mayTake });
    if (answered instanceof Response) return answered;
    if (context.request.signal.aborted || deps.clock.monotonic() >= end) break;
    ownership.forget(key);
    // Rather than fail, an instance that leaves goes on with what none of the others takes.
    if (answered === "unreached" && mayTake) hasSuccessor = false;
    else if (answered === "unreached") {
      const askedAt = Math.min(end, deps.clock.monotonic() + pauseMs);
      await aMove(deps, context, key, { owner, end: askedAt });
      pauseMs *= 2;
    } // It owns the key by the table, and says that it does not: its term ends, or it renews.
    else if (isSame(owner, before)) await aMoment(deps, context);
    if (!isSame(owner, before)) changes += 1;
    before = owner;
  }
  throw new GatewayError("overloaded", "The owner of this session changes; retry later");
}

/** A session that is unknown here as everywhere: the endpoint says so. Rejects if that is not sure. */
async function asUnknown(
  { neighbours, sessionKey }: Placing,
  { request }: PassableRequest,
): Promise<undefined> {
  const isHere = sessionKey(request.headers) !== undefined;
  if (isHere || !await neighbours().ownership.mayLack()) return;
  const text =
    "The store lost where sessions are: it is not known yet who has this one; retry later";
  throw new GatewayError("store_unavailable", text);
}

/**
 * Waits until another instance than this owner, or none, has a key, or until `end`: an owner that
 * lives is asked again then.
 */
function aMove(
  deps: Placing,
  context: PassableRequest,
  key: string,
  { owner, end }: { readonly owner: LiveInstance; readonly end: number },
): Promise<void> {
  const { ownership } = deps.neighbours();
  return deps.waits.wait(
    context,
    (signal) => untilMoved(ownership, key, owner, end, { ...deps, signal }),
  );
}

function aMoment({ waits, clock, limits }: Placing, context: PassableRequest): Promise<void> {
  return waits.wait(context, (signal) => sleep(clock, limits.takeoverCheckMs, signal));
}

function isSame(one: LiveInstance, other: LiveInstance | undefined): boolean {
  return one.name === other?.name && one.term === other.term;
}

/** An instance that takes what this one gives away; undefined if there is none. */
async function successor({ neighbours, clock }: ElsewhereDeps): Promise<LiveInstance | undefined> {
  const { ownership } = neighbours();
  const others = (await ownership.instances())
    .filter(({ name, isDraining }) => name !== ownership.name && !isDraining);
  return others[Math.floor(clock.random() * others.length)];
}

/** How a request is passed on. */
interface PassingOn {
  /** Whether the receiver may become the owner. */
  readonly mayTake?: boolean;
  /** Whether it names the session that it is for. */
  readonly names?: boolean;
}

/** The answer of another instance; else why there is none, and then it may be asked of another. */
async function passOn(
  deps: Placing,
  context: PassableRequest,
  target: LiveInstance,
  { mayTake = false, names = true }: PassingOn,
): Promise<Response | "not_owner" | "unreached"> {
  const { request, fetchContext } = context;
  const body = request.method === "POST" ? await context.readText() : undefined;
  fetchContext.holdOpen?.();
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  request.signal.addEventListener("abort", leave);
  const came = await deps.neighbours().forwarder.forward(
    target,
    toForwarded(context, body, mayTake, names),
    leaving.signal,
  );
  // From here on the body of the response says when the client leaves.
  request.signal.removeEventListener("abort", leave);
  switch (came.kind) {
    case "answered":
      return await toClient(came.head, came.body, request.method, body) ?? gone(request, body);
    case "not_owner":
      return "not_owner";
    case "full":
      throw new GatewayError("overloaded", "Too many requests go to other instances; retry later");
    case "too_large":
      throw new GatewayError("body_too_large");
    case "failed":
      return came.sent ? gone(request, body) : "unreached";
  }
}

/** The instance may have served it. */
function gone({ method }: Request, body: string | undefined): Response | "unreached" {
  return isRepeatable(method, body) ? "unreached" : answerGone(method, body);
}

/** What only one instance can serve is asked of it, as long as it lives. */
async function askInstance(
  deps: Placing,
  context: PassableRequest,
  instance: string,
  body: string,
): Promise<Response | undefined> {
  const { ownership } = deps.neighbours();
  const end = deps.clock.monotonic() + deps.limits.takeoverWaitMs;
  context.keepText(body);
  for (;;) {
    const target = await ownership.instance(instance);
    // Nothing waits for it any more: who serves it here says what became of it.
    if (target === undefined) return undefined;
    const answered = await passOn(deps, context, target, { names: false });
    if (answered !== "unreached") return answered === "not_owner" ? undefined : answered;
    if (context.request.signal.aborted || deps.clock.monotonic() >= end) break;
    // It is unknown whether it has died before its term has ended.
    await aMoment(deps, context);
  }
  const text = "The instance that can go on with this cannot be reached; retry later";
  throw new GatewayError("overloaded", text);
}
