/**
 * This gateway as one instance of several that share a store: the key they know each other by, the
 * handler of the address at which the others reach it, and its place among them once that address is
 * known.
 */
import type { Clock } from "../clock.ts";
import type { GatewayConfig } from "../config/config.ts";
import type { Gateway } from "../gateway/surface.ts";
import type { InstanceSteering } from "../http/admin/instance_routes.ts";
import type { HttpHandler } from "../http/routes.ts";
import { createAllowedTargets, loopbackTargets } from "../instances/allowed_targets.ts";
import { createForwarder, type Forwarder } from "../instances/forwarder.ts";
import { type AnswerForwarded, createInternalApi } from "../instances/internal_api.ts";
import { deriveInternalKey } from "../instances/internal_key.ts";
import type { ForwardedRequest } from "../instances/forwarded_request.ts";
import { openOwnership, type Ownership } from "../instances/ownership.ts";
import type { Limits } from "../limits.ts";
import type { LogSink } from "../log.ts";
import { operatorPrincipal } from "../model.ts";
import type { FetchHandler, Runtime } from "../runtime/runtime.ts";
import type { OpenedStores } from "../store/stores.ts";
import { openTermNotes } from "./earlier_term.ts";

/** What one instance sends to another that shall leave; no client's request has this method. */
const drainMethod = "DRAIN";
const drainRequest: ForwardedRequest = {
  method: drainMethod,
  path: "/",
  headers: {},
  principal: operatorPrincipal,
  consumer: "",
  remoteAddress: undefined,
  isHeldOpen: false,
  mayTake: false,
  body: undefined,
};

/** The other instances, for a program that listens for them. */
export interface InternalListener {
  /** Answers requests of other instances; belongs on a listener of its own. */
  readonly fetch: FetchHandler;
  /** Joins them, who reach this instance at this base URL. Rejects with an error text. */
  open(url: string): Promise<void>;
  /** Calls back when an operator wants this instance to hand its sessions over and stop. */
  onDrain(run: () => void): void;
}

/** This instance among others. */
export interface OpenInstances extends InstanceSteering {
  /** The address must be served before it is announced. */
  listen(answer: AnswerForwarded): FetchHandler;
  join(url: string, calls: () => number): Promise<JoinedInstances>;
  onDrain(run: () => void): void;
  close(): Promise<void>;
}

/** What this instance is among others. */
export interface JoinedInstances {
  readonly ownership: Ownership;
  readonly forwarder: Forwarder;
}

/** What an instance is opened with. */
export interface InstancesDeps {
  readonly config: GatewayConfig;
  readonly runtime: Runtime;
  readonly opened: Pick<OpenedStores, "stores">;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: LogSink;
  /** The name of this instance. */
  readonly instance: string;
}

/** Opens it; undefined if the store is this instance's alone. Rejects with an error text. */
export async function openInstances(
  { config, runtime, opened, clock, limits, log: sink, instance: name }: InstancesDeps,
): Promise<OpenInstances | undefined> {
  const { owners: table } = opened.stores;
  if (table === undefined) return undefined;
  const key = await deriveInternalKey(secretOf(config), runtime, limits);
  const log = sink.source("instances");
  const shared = { key, clock, limits, log, name };
  const notes = await openTermNotes({ ...shared, runtime, directory: config.dataDirectory });
  await notes.endEarlier(table);
  let joined: JoinedInstances | undefined;
  let leave: (() => void) | undefined;
  const drainHere = (): void => {
    if (leave === undefined) {
      throw new Error(`Cannot drain instance "${name}": it cannot stop itself`);
    }
    log.info("An operator drains this instance", { instance: name });
    leave();
  };
  return {
    listen: (answer) =>
      createInternalApi({
        ...shared,
        async answer(request, signal, disconnectHidden) {
          if (request.method !== drainMethod) {
            return await answer(request, signal, disconnectHidden);
          }
          drainHere();
          return new Response(null, { status: 202 });
        },
      }),
    onDrain: (run) => void (leave = run),
    async list() {
      const all = await joined?.ownership.instances() ?? [];
      return all.map((one) => ({ ...one, isThis: one.name === name }));
    },
    async drain(other) {
      if (other === name) return drainHere();
      const all = await joined?.ownership.instances() ?? [];
      const target = all.find((one) => one.name === other);
      if (joined === undefined || target === undefined) {
        const names = all.map((one) => one.name).join(", ");
        throw new Error(`Cannot drain instance "${other}": expected one of ${names}`);
      }
      const came = await joined.forwarder.forward(
        target,
        drainRequest,
        new AbortController().signal,
      );
      if (came.kind === "answered") came.body.cancel();
      if (came.kind === "answered" && came.head.status === 202) return;
      throw new Error(`Cannot drain instance "${other}": it does not answer at ${target.url}`);
    },
    async join(url, calls) {
      const ownership = await openOwnership({ ...shared, table, url, calls, onTerm: notes.note });
      opened.stores.fence?.join(ownership);
      const allowed = createAllowedTargets(config.internalAllow ?? loopbackTargets);
      joined = {
        ownership,
        forwarder: createForwarder({ ...shared, ownership, allowed, runtime }),
      };
      log.info("Joined the instances of this gateway", { instance: name, url });
      return joined;
    },
    async close() {
      joined?.forwarder.close();
      await joined?.ownership.close();
      await notes.settled();
    },
  };
}

/** What a program listens with; undefined if there are no other instances. */
export function internalOf(
  instances: OpenInstances | undefined,
  { answerForwarded, open }: Pick<HttpHandler, "answerForwarded" | "open">,
  gateway: Pick<Gateway, "load">,
): InternalListener | undefined {
  if (instances === undefined || answerForwarded === undefined) return undefined;
  return {
    fetch: instances.listen(answerForwarded),
    onDrain: instances.onDrain,
    open: async (url) => open(await instances.join(url, () => gateway.load().calls)),
  };
}

function secretOf({ secret }: Pick<GatewayConfig, "secret">): string {
  if (secret !== undefined) return secret;
  throw new Error(
    "Cannot share a store with other instances: they know each other by MCP_SECRET, which is not " +
      "set; set it to the same value on all of them (create it with: openssl rand -base64 32)",
  );
}
