/** Which servers stand behind a target, and how the gateway is set up in front of them. */

import type { ClientAuth } from "./client_credentials.ts";

/** The name of a set. */
export type ServerSet =
  | "one"
  | "three"
  | "own"
  | "remote"
  | "hardened"
  | "keyed"
  | "tokens"
  | "observed"
  | "unobserved";

/** One set. */
interface ServerSetRow {
  readonly names: readonly string[];
  /** Whether sessions share a process. */
  readonly isolation: "shared" | "session";
  /** Whether the servers are reached by URL (Streamable HTTP), not as child processes. */
  readonly isRemote: boolean;
  /** The gateway's listener. */
  readonly listener: "fast" | "hardened";
  /** How its clients authenticate. */
  readonly auth: ClientAuth;
  /** Other variables of the gateway of this tree; another commit may not know them. */
  readonly env?: Readonly<Record<string, string>>;
}

const usual = { isolation: "shared", isRemote: false, listener: "fast", auth: "none" } as const;

/** The rows. */
export const serverSets: Readonly<Record<ServerSet, ServerSetRow>> = {
  one: { ...usual, names: ["echo"] },
  three: { ...usual, names: ["one", "two", "three"] },
  own: { ...usual, names: ["echo"], isolation: "session" },
  remote: { ...usual, names: ["echo"], isolation: "session", isRemote: true },
  hardened: { ...usual, names: ["echo"], listener: "hardened" },
  keyed: { ...usual, names: ["echo"], auth: "key" },
  tokens: { ...usual, names: ["echo"], auth: "token" },
  observed: { ...usual, names: ["echo"], env: { MCP_METRICS: "on", MCP_AUDIT: "on" } },
  unobserved: { ...usual, names: ["echo"], env: { MCP_METRICS: "off", MCP_AUDIT: "off" } },
};

/** The names of the servers in a set. */
export const serverNames = (servers: ServerSet): readonly string[] => serverSets[servers].names;
