/**
 * A profile: some tools of some servers, which a surface of its own offers. Types only; an entry is
 * read in profile_entry.ts, and the surface is made in gateway/profile_content.ts.
 */
import type { CardAudience, Naming, ServerSource } from "./surface_words.ts";
import type { ToolFilter } from "./tool_filter.ts";

/** One server of a profile. */
export interface ProfileServer {
  /** The server's name; it need not be configured. */
  readonly name: string;
  /** Which of its tools the profile offers, among those that the server's own filter offers. */
  readonly tools: ToolFilter;
}

/** One profile. */
export interface ProfileConfig {
  readonly name: string;
  /** What it is for, in the words of the person who configured it. */
  readonly description?: string | undefined;
  /** In the order in which they are offered. */
  readonly servers: readonly ProfileServer[];
  /** How names look: `auto` is bare if it names exactly one server, else prefixed. */
  readonly names: Naming;
  /** Its tools are found by a search; `pinned` are listed, too. Absent: all are listed. */
  readonly search?: { readonly pinned: readonly string[] } | undefined;
  /** Whether it offers the prompts of its servers. Absent: it does. */
  readonly prompts?: boolean | undefined;
  /** The same for resources, templates and skills. */
  readonly resources?: boolean | undefined;
  /** Who may read its card. Absent: its clients. */
  readonly card?: CardAudience | undefined;
  /** Absent: `file`. */
  readonly definedIn?: Exclude<ServerSource, "built-in"> | undefined;
  /** As it was given. */
  readonly entry?: unknown;
  /** Why it cannot be used: the file, the path in it and the expectation. Absent: it can. */
  readonly problem?: string | undefined;
}
