/**
 * The servers of the running configuration and the calls open at each, so that a reload can let a
 * changed or removed server finish what it has begun. Surfaces are derived from the members: `/mcp`
 * for all, `/servers/{name}` for each.
 */
import type { Clock } from "../clock.ts";
import type { ServerConfig, ServersConfig } from "../config/config.ts";
import type { Limits } from "../limits.ts";
import type { Exchange } from "../model.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Member, View } from "./server.ts";
import { createTrials } from "./trials.ts";

/** The name of the surface of all servers. */
export const allServers = "/mcp";

/** The running servers. */
export interface Members {
  all(): readonly Member[];
  view(surface: string): View | undefined;
  /** Ends the trials that are still to come. */
  drain(): void;
  /** Whether its first start is still to come, though no client has asked for it. */
  isQueued(member: Member): boolean;
  /** Opens a call at a member and counts it until its last reply was read or it was given up. */
  track(member: Member, exchange: Exchange): Exchange;
  /** Takes the next configuration; the names of servers that are new, gone or made anew. */
  replace(next: ServersConfig): readonly string[];
  close(): Promise<void>;
}

/** Makes the members of a configuration. */
export function createMembers(
  first: ServersConfig,
  deps: {
    readonly create: (config: ServerConfig) => Upstream;
    readonly sameServer: (one: ServerConfig, other: ServerConfig) => boolean;
    /** Whether servers are started once before a client needs them. */
    readonly tryServers: boolean;
    readonly clock: Clock;
    readonly limits: Limits;
  },
): Members {
  const { create, sameServer, clock, limits } = deps;
  const trials = createTrials(deps);
  let names = first.names;
  const open = (config: ServerConfig): Member => {
    const member = { config, upstream: create(config) };
    if (deps.tryServers) trials.add(member);
    return member;
  };
  let members = first.servers.map(open);
  const openCalls = new Map<Member, number>();
  const retiring = new Map<Member, () => void>();
  const closings = new Set<Promise<void>>();

  function retire(member: Member): void {
    trials.remove(member);
    let cancelDeadline = (): void => {};
    const close = (): void => {
      cancelDeadline();
      if (!retiring.delete(member)) return;
      const closing = member.upstream.close().finally(() => closings.delete(closing));
      closings.add(closing);
    };
    retiring.set(member, close);
    if ((openCalls.get(member) ?? 0) === 0) return close();
    cancelDeadline = clock.after(limits.callMsMax, close);
  }

  function track(member: Member, exchange: Exchange): Exchange {
    openCalls.set(member, (openCalls.get(member) ?? 0) + 1);
    let open = true;
    const release = (): void => {
      if (!open) return;
      open = false;
      const left = (openCalls.get(member) ?? 1) - 1;
      if (left > 0) openCalls.set(member, left);
      else {
        openCalls.delete(member);
        retiring.get(member)?.();
      }
    };
    return {
      async next() {
        const reply = await exchange.next();
        if (reply.kind !== "notice" && reply.kind !== "ask") release();
        return reply;
      },
      answer: (askId, answer) => exchange.answer(askId, answer),
      cancel(reason) {
        exchange.cancel(reason);
        // Nobody may ever read its end: who gave it up has left.
        release();
      },
    };
  }

  return {
    all: () => members,
    view(surface) {
      if (surface === allServers) {
        const prefixed = names === "prefixed" || (names === "auto" && members.length !== 1);
        return { surface, members, prefixed };
      }
      const member = members.find(({ config }) => surface === `/servers/${config.name}`);
      return member && { surface, members: [member], prefixed: false };
    },
    drain: trials.close,
    isQueued: trials.isWaiting,
    track,
    replace(next) {
      const before = new Map(members.map((member) => [member.config.name, member]));
      const touched: string[] = [];
      members = next.servers.map((config): Member => {
        const same = before.get(config.name);
        before.delete(config.name);
        if (same !== undefined && sameServer(same.config, config)) return same;
        touched.push(config.name);
        if (same !== undefined) retire(same);
        return open(config);
      });
      for (const [name, gone] of before) {
        touched.push(name);
        retire(gone);
      }
      names = next.names;
      return touched;
    },
    async close() {
      trials.close();
      for (const close of [...retiring.values()]) close();
      await Promise.allSettled([...members.map(({ upstream }) => upstream.close()), ...closings]);
    },
  };
}
