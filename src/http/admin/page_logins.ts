/**
 * Log-ins of the operator's page. A link that the gateway makes for the owner holds a random code in
 * its fragment, which no server sees; the page exchanges the code, once, for a token of its own. Both
 * live in memory alone, as digests. Not here: what a token may do (admin_access.ts).
 */
import { isSameDigest } from "../../auth/bearer.ts";
import { putWithin } from "../../bounded.ts";
import type { Bus } from "../../bus/bus.ts";
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import { operatorPrincipal, type Principal } from "../../model.ts";
import { createAttemptRate } from "../../oauth/attempt_rate.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { makeKey } from "../../seal.ts";
import type { PageStep } from "../../telemetry/access_events.ts";
import type { Emit } from "../../telemetry/events.ts";
import { toRetryAfter } from "../respond.ts";
import { AdminError } from "./admin_errors.ts";

/** A secret of a page, and when it stops working (ISO 8601). */
export interface PageSecret {
  readonly value: string;
  readonly expiresAt: string;
}

/** One page that is logged in. */
export interface PageLogin {
  /** For its calls: the operator, by this page alone. */
  readonly principal: Principal;
  /** Calls back once, when the log-in ends, until the returned function is called. */
  onEnd(run: () => void): () => void;
  /** Ends it, with its streams and its running calls. */
  end(why: string): void;
}

/** The log-ins of all pages. */
export interface PageLogins {
  /** A code for a link, which works once. */
  makeCode(): PageSecret;
  /** The token for a code. Throws `link_invalid` or `too_many_attempts`. */
  redeem(code: string): PageSecret;
  /** The log-in with this token, which counts as its use; undefined if there is none. */
  find(token: string): PageLogin | undefined;
  /** Ends all. */
  close(): void;
}

/** What the log-ins need. */
export interface PageLoginDeps extends Pick<Runtime, "sha256"> {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly emit: Emit;
  readonly bus: Pick<Bus, "publish">;
}

/** One log-in. */
interface Login extends PageLogin {
  usedAt: number;
  /** What runs at its end; a stream that is open counts as use. */
  readonly watchers: Set<() => void>;
  /** Ends it and its own streams; calls that run may finish. */
  leave(why: string): void;
}

const wrongLink = "Cannot open the page with this link: it was used, it has expired, or it is of " +
  'another run of the gateway; "mcp-wrapper page" makes a new one';

/** Makes the register, empty. */
export function createPageLogins(deps: PageLoginDeps): PageLogins {
  const { clock, limits, emit, sha256 } = deps;
  /** When each code expires, by its digest. */
  const codes = new Map<string, number>();
  const logins = new Map<string, Login>();
  const guesses = createAttemptRate({
    clock,
    attemptsMax: limits.pageGuessesMax,
    refillMs: limits.pageGuessRefillMs,
    keysMax: 1,
  });
  const say = (step: PageStep, reason?: string) => emit({ type: "page_step", step, reason });
  const expiryAfter = (ms: number) => new Date(clock.wall() + ms).toISOString();
  return {
    makeCode() {
      const value = makeKey();
      const { pageLinkMs, pageLinksMax } = limits;
      putWithin(codes, sha256(value), clock.monotonic() + pageLinkMs, pageLinksMax);
      say("link_made");
      return { value, expiresAt: expiryAfter(pageLinkMs) };
    },
    redeem(code) {
      const digest = findDigest(codes, sha256(code));
      const expiresAt = digest === undefined ? -Infinity : codes.get(digest) ?? -Infinity;
      if (digest !== undefined) codes.delete(digest);
      if (clock.monotonic() >= expiresAt) throw refuse(guesses.take(""), say);
      const value = makeKey();
      const login = openLogin(deps, () => logins.delete(sha256(value)));
      makeRoom(logins, limits.pageLoginsMax);
      logins.set(sha256(value), login);
      say("opened");
      return { value, expiresAt: expiryAfter(limits.pageLoginMs) };
    },
    find(token) {
      const digest = findDigest(logins, sha256(token));
      const login = digest === undefined ? undefined : logins.get(digest);
      if (login === undefined) return undefined;
      const isIdle = login.watchers.size === 0 &&
        clock.monotonic() - login.usedAt >= limits.pageIdleMs;
      if (isIdle) return void login.end("it was not used for long");
      login.usedAt = clock.monotonic();
      return login;
    },
    close() {
      codes.clear();
      for (const login of [...logins.values()]) login.leave("the gateway stops");
    },
  };
}

/** The key that equals a digest; every key is compared, so that the time shows nothing. */
function findDigest(known: ReadonlyMap<string, unknown>, shown: string): string | undefined {
  return [...known.keys()].filter((digest) => isSameDigest(digest, shown))[0];
}

/** The refusal of a code; `waitMs`: how long further wrong ones are not looked at. */
function refuse(waitMs: number, say: (step: PageStep) => void): AdminError {
  if (waitMs > 0) return new AdminError("too_many_attempts", undefined, toRetryAfter(waitMs));
  say("refused");
  return new AdminError("link_invalid", wrongLink);
}

function openLogin({ clock, limits, emit, bus }: PageLoginDeps, forget: () => void): Login {
  const watchers = new Set<() => void>();
  const endsAt = clock.monotonic() + limits.pageLoginMs;
  const principal: Principal = {
    ...operatorPrincipal,
    client: `page:${crypto.randomUUID()}`,
    /** Wherever the wall clock jumps to, as long as the log-in lasts. */
    get expiresAt() {
      return clock.wall() + endsAt - clock.monotonic();
    },
  };
  const leave = (reason: string) => {
    stopWaiting();
    forget();
    emit({ type: "page_step", step: "ended", reason });
    for (const run of [...watchers]) run();
    watchers.clear();
  };
  const stopWaiting = clock.after(limits.pageLoginMs, () => leave("it has expired"));
  const login: Login = {
    principal,
    usedAt: clock.monotonic(),
    watchers,
    leave,
    onEnd(run) {
      watchers.add(run);
      return () => {
        // The time since the last use begins when the last stream has ended.
        if (watchers.delete(run)) login.usedAt = clock.monotonic();
      };
    },
    end(reason) {
      leave(reason);
      bus.publish("accessRevoked", { principal: principal.id, client: principal.client, reason });
    },
  };
  return login;
}

/** Ends the log-in that was used longest ago if there is no room for one more. */
function makeRoom(logins: ReadonlyMap<string, Login>, loginsMax: number): void {
  if (logins.size < loginsMax) return;
  const [first, ...others] = logins.values();
  if (first === undefined) return;
  others.reduce((oldest, one) => one.usedAt < oldest.usedAt ? one : oldest, first)
    .end("another page took its place");
}
