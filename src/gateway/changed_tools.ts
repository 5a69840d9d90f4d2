/**
 * The tools that are not as they were first seen, as an operator sees and approves them. Types only:
 * upstream/catalog finds the changes.
 */
import type { PinMode } from "../config/pin_mode.ts";
import type { JsonObject } from "../model.ts";

/** One tool that changed and that no person has approved as it is now. */
export interface ToolChange {
  /** Short, and different for each definition of a tool. */
  readonly id: string;
  readonly server: string;
  /** The server's own name for it. */
  readonly tool: string;
  readonly kind: "new" | "changed" | "removed";
  readonly mode: PinMode;
  /** Whether it is not offered until it is approved. */
  readonly isWithheld: boolean;
  /** When it was first seen like this (ISO 8601). */
  readonly seenAt: string;
  /** Whether `after` is not the whole definition, so that not all that is approved can be seen. */
  readonly isCut: boolean;
  /**
   * Its definition as it was accepted, and as it is now: name, title, description, schemas and
   * annotations, with hidden characters shown as `⟨U+202E⟩`. Long members are cut texts. Absent:
   * there is none, or the answer would be too long.
   */
  readonly before?: JsonObject | undefined;
  readonly after?: JsonObject | undefined;
}

/** Which changes of a server to approve. */
export interface ApprovedChanges {
  /** Names of tools. Absent: all tools. */
  readonly tools?: readonly string[] | undefined;
  /** Ids of changes: exactly what was looked at. Absent: all changes of these tools. */
  readonly ids?: readonly string[] | undefined;
}

/** The changed tools of all servers. */
export interface ChangedTools {
  /** The oldest first. Rejects when the store cannot be read. */
  list(): Promise<readonly ToolChange[]>;
  /**
   * Approves changes of a server, so that its tools are offered and compared as they are now;
   * returns the names of the tools. Rejects with a `RegistryError` if something that is named does
   * not wait, or if the approval cannot be stored.
   */
  approve(server: string, which?: ApprovedChanges): Promise<readonly string[]>;
  /** How many tools of a server changed. */
  count(server: string): number;
}
