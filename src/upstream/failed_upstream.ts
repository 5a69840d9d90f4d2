/**
 * The kind `failed`: a server whose configuration is wrong. Every call to it fails with that error;
 * other servers are unaffected.
 */
import type { FailedServerConfig } from "../config/config.ts";
import { GatewayError } from "../errors.ts";
import type { CreateUpstream } from "./upstream.ts";

/** Makes the upstream of a server that cannot run until its configuration changes. */
export const createFailedUpstream: CreateUpstream<FailedServerConfig> = (
  { name, problem },
  { clock },
) => {
  const since = clock.wall();
  const fault = () =>
    new GatewayError("upstream_unavailable", `Cannot use server "${name}": ${problem}`, {
      data: { server: name, outcome: "not_sent" },
    });
  return {
    name,
    describe: () => Promise.reject(fault()),
    knownDescription: () => undefined,
    list: () => Promise.reject(fault()),
    known: () => undefined,
    freshness: () => undefined,
    open: () => ({
      read: (sink) => sink?.({ kind: "failure", error: fault() }),
      answer: () => false,
      cancel: () => {},
    }),
    notify: () => {},
    watch: () => () => {},
    endScope: () => {},
    trial: () => Promise.resolve(),
    status: () => ({
      state: "failed",
      since,
      connections: 0,
      problem,
      error: "upstream_unavailable",
    }),
    close: () => Promise.resolve(),
  };
};
