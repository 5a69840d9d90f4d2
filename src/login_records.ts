/**
 * What a log-in leaves behind until it is done: requests that wait for a person, states that are at
 * an issuer, links, logged-in browsers. A record lives for minutes or hours and is taken once,
 * whichever instance is asked. Types only; src/store/ has a kind in memory, for one instance, and
 * one in the engine, for several.
 */
import type * as v from "valibot";

/** What holds for all records of a table. */
export interface LoginTableRules<Body> {
  /** Unique among the tables. */
  readonly name: string;
  readonly form: v.GenericSchema<unknown, Body>;
  /** How long a record lives since it was put. */
  readonly lifeMs: number;
  /** How many records of a group there may be: its oldest gives way. */
  readonly groupMax: number;
  /** How many in all: the oldest of the largest group gives way, so that a flood drops its own. */
  readonly allMax: number;
}

/**
 * Records by their ids, each in a group, such as those of a principal. Ids and groups may be secret:
 * the engine knows their digests alone, and bodies are sealed. Every function rejects when the store
 * is unavailable.
 */
export interface LoginTable<Body> {
  put(id: string, group: string, body: Body): Promise<void>;
  /** Puts it unless the id has a record of another group; whether it was put. */
  claim(id: string, group: string, body: Body): Promise<boolean>;
  find(id: string): Promise<Body | undefined>;
  /** Takes a record away, once; if a group is given, only from that group. */
  take(id: string, group?: string): Promise<Body | undefined>;
  /** The record of a group that was put last. */
  newest(group: string): Promise<Body | undefined>;
  /** The records of one group belong to another one. */
  move(from: string, to: string): Promise<void>;
  removeGroup(group: string): Promise<void>;
}

/** All tables. */
export interface LoginRecords {
  /** The table of these rules; the same one for the same name. */
  table<Body extends object>(rules: LoginTableRules<Body>): LoginTable<Body>;
}
