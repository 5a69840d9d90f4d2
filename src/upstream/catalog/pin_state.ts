/** The state of the pins of one server, as the files of this folder share it. Types only. */
import type { Clock } from "../../clock.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import type { JsonObject } from "../../model.ts";
import type { Emit } from "../../telemetry/events.ts";
import type { PinnedList, PinStore, StoredChange } from "../pins.ts";

/** What the pins of all servers share. */
export interface PinDeps {
  readonly store: PinStore;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly emit: Emit;
  /** The log of a server. */
  readonly logOf: (server: string) => Log;
  readonly sha256: (text: string) => string;
}

/** The list of one kind of client; what is accepted of it is replaced as a whole. */
export interface PinnedPlace {
  list: PinnedList;
}

/** A list that was seen or recalled, and what of it is offered. */
export interface KnownList {
  readonly place: PinnedPlace;
  /** In the order of the list. */
  readonly prints: readonly string[];
  offered: readonly JsonObject[];
  /** The state of the server for which `offered` was worked out. */
  revision: number;
}

/** The state of one server. */
export interface PinnedServer {
  readonly name: string;
  readonly deps: PinDeps;
  /** By principal and variant, those that were read longest ago first. Undefined: not loaded. */
  places: Map<string, PinnedPlace> | undefined;
  loading: Promise<Map<string, PinnedPlace>> | undefined;
  /** What waits for a person, and what a person approved; by tool and fingerprint. */
  readonly changes: Map<string, StoredChange>;
  readonly approvals: Map<string, StoredChange>;
  /** The changes that were reported, and how often each tool was. */
  readonly reported: Set<string>;
  readonly reports: Map<string, number>;
  /** The fingerprints of the latest lists, by the digest of their text: sessions list the same. */
  readonly prints: Map<string, readonly string[]>;
  readonly known: WeakMap<readonly JsonObject[], KnownList>;
  /** What the server is in the configuration that was read last: see `PinnedList.subject`. */
  subject: Promise<string> | undefined;
  readonly listeners: Set<() => void>;
  /** Counts what decides about offers. */
  revision: number;
}
