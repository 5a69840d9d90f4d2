/**
 * How one part of the gateway announces a change to all others that may hold a copy of what
 * changed. With several instances, it reaches all of them. A message names what changed and carries
 * no state: a listener that needs more reads the store. Types only; `in_process.ts` serves one
 * instance.
 */

import type { RevokedAccess } from "../principals.ts";

/** The messages, one line for each topic. */
export interface BusTopics {
  /** A session has ended and left the store: its calls, streams and scopes end everywhere. */
  readonly sessionEnded: { readonly key: string; readonly reason: string };
  /**
   * Rights were taken away: what this principal has open ends. If none is named, it is not known
   * whose: all are let in again, at their next request or with their next stream, and calls go on.
   */
  readonly accessRevoked: RevokedAccess & { readonly reason: string };
  /** A principal logged in at a protected server, or its grant ended. */
  readonly grantChanged: {
    readonly server: string;
    readonly principal: string;
    readonly isGranted: boolean;
  };
  /**
   * What is stored of a kind was changed by another instance: copies in memory are read again. With
   * several instances, the one that publishes it does not hear it.
   */
  readonly storeChanged: StoreChange;
}

/** What was changed: all of its kind, or what concerns a principal at a server. */
export interface StoreChange {
  readonly what: "servers" | "grants" | "tools";
  readonly server?: string | undefined;
  readonly principal?: string | undefined;
}

/** Takes messages and delivers each to every listener of its topic. */
export interface Bus {
  /**
   * Delivers a message to all listeners, in the order of publishing. A listener that throws does
   * not affect the others. Throws if too many messages wait.
   */
  publish<Topic extends keyof BusTopics>(topic: Topic, message: BusTopics[Topic]): void;
  /** Listens until the returned function is called. */
  subscribe<Topic extends keyof BusTopics>(
    topic: Topic,
    listener: (message: BusTopics[Topic]) => void,
  ): () => void;
  /** Absent: there is nothing to end. */
  close?(): void;
}
