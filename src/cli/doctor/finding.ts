/** What the checks of `doctor` find, and what they get to look at. */
import type { StartConfig } from "../../config/environment.ts";
import type { ServerConfig } from "../../config/config.ts";
import type { RunningGateway } from "../admin_client.ts";
import type { GatewayView } from "../admin_forms.ts";
import type { CommandContext } from "../command.ts";

/** How bad it is. */
export type FindingLevel = "ok" | "warning" | "problem";

/** A repair that can be undone: a mode, a missing folder, or PATH in the file of the service. */
export interface Repair {
  /** What it does, as the beginning of a question. */
  readonly text: string;
  readonly apply: () => void | Promise<void>;
}

/** One thing that was looked at. */
export interface Finding {
  readonly level: FindingLevel;
  readonly text: string;
  /** What to do about it. */
  readonly advice?: readonly string[];
  readonly repair?: Repair;
}

/** What was found out before the checks. */
export interface Examination {
  readonly context: CommandContext;
  /** Absent: none runs, or it cannot be steered. */
  readonly running?: { readonly gateway: RunningGateway; readonly view: GatewayView } | undefined;
  /** Why the gateway that seems to run cannot be asked. */
  readonly gatewayProblem?: string | undefined;
  /** Absent: the configuration cannot be read. */
  readonly start?: StartConfig | undefined;
  readonly startProblem?: string | undefined;
  /** Whether the database is sound, so that opening it changes nothing that should stay. */
  readonly mayOpenData: boolean;
  /** The servers of `mcp.json` and of the registry, as far as they can be read. */
  readonly servers: readonly ServerConfig[];
  /** What a start would say of the PATH of the login shell. */
  readonly pathNote?: string | undefined;
}

/** A group of checks; a row of the table. */
export interface CheckGroup {
  /** Its title. */
  readonly name: string;
  readonly check: (examination: Examination) => Promise<readonly Finding[]>;
}

/** All is well with this. */
export const fine = (text: string): Finding => ({ level: "ok", text });

/** This may become a problem, or is unusual. */
export const warning = (text: string, ...advice: readonly string[]): Finding => ({
  level: "warning",
  text,
  advice,
});

/** This does not work. */
export const problem = (text: string, ...advice: readonly string[]): Finding => ({
  level: "problem",
  text,
  advice,
});

/** The text of a fault. */
export const reasonOf = (fault: unknown): string =>
  fault instanceof Error ? fault.message : String(fault);
