/**
 * The restart policies of one server: a remote server has one for each dialect in which a start may
 * begin, since a failure in one says nothing about another; a program has one for all, since it is
 * started before it gets any message. Not here: how a policy decides (restart_policy.ts).
 */
import type { GatewayError } from "../../errors.ts";
import type { UpstreamDeps } from "../deps.ts";
import type { Dialect } from "../link/dialect.ts";
import type { ProcessScope } from "./early_deaths.ts";
import { createRestartPolicy, type RestartPolicy, type StartAttempt } from "./restart_policy.ts";

/** The restart policies of one server, and their combined state. */
export interface RestartPolicies extends Omit<RestartPolicy, "begin"> {
  /** The policy for starts that try this dialect first. */
  of(dialect: Dialect | undefined): Pick<RestartPolicy, "refusal" | "begin">;
}

/** One restart policy, and how many of its starts are up. */
interface Judge {
  readonly policy: RestartPolicy;
  up: number;
}

/** The best state first. */
const states: readonly ReturnType<RestartPolicy["state"]>[] = [
  "well",
  "needs_login",
  "crash_loop",
  "failed",
];

/** Makes them. */
export function createRestartPolicies(
  server: string,
  isRemote: boolean,
  deps: Pick<UpstreamDeps, "limits" | "clock" | "emit">,
): RestartPolicies {
  const judges = new Map<string, Judge>();
  let last: Judge | undefined;

  const judgeOf = (dialect: Dialect | undefined): Judge => {
    const key = isRemote ? dialect?.name ?? "" : "";
    const known = judges.get(key);
    if (known !== undefined) return known;
    const judge = { policy: createRestartPolicy(server, deps, !isRemote), up: 0 };
    judges.set(key, judge);
    return judge;
  };
  const begin = (judge: Judge, scope?: ProcessScope): StartAttempt => {
    last = judge;
    const attempt = judge.policy.begin(scope);
    let isOver = false;
    let isUp = false;
    return {
      ...attempt,
      succeeded() {
        isUp = !isOver;
        if (isUp) judge.up += 1;
        attempt.succeeded();
      },
      ended(died) {
        isOver = true;
        if (isUp) judge.up -= 1;
        isUp = false;
        attempt.ended(died);
      },
    };
  };
  /** What is true of the server now: what runs shows it, and the latest attempt. */
  const telling = (): readonly RestartPolicy[] =>
    [...judges.values()].filter((judge) => judge.up > 0 || judge === last)
      .map(({ policy }) => policy);
  /** What all of them say; undefined when one does not. */
  const inAll = <T>(say: (policy: RestartPolicy) => T | undefined): T | undefined => {
    const said = telling().map(say);
    return said.includes(undefined) ? undefined : said.at(-1);
  };
  return {
    of(dialect) {
      const judge = judgeOf(dialect);
      return { refusal: judge.policy.refusal, begin: (scope) => begin(judge, scope) };
    },
    refusal: (scope) => inAll<GatewayError>((one) => one.refusal(scope)),
    problem: () => inAll((one) => one.problem()),
    login: () => inAll((one) => one.login()),
    dying: () => inAll((one) => one.dying()),
    forgive() {
      for (const { policy } of judges.values()) policy.forgive();
    },
    forget(scope) {
      for (const { policy } of judges.values()) policy.forget(scope);
    },
    retryMs: () => inAll((one) => one.retryMs()),
    state() {
      const seen = telling().map((one) => one.state());
      return states.find((state) => seen.includes(state)) ?? "well";
    },
  };
}
