/** What a program of `src/main` passes to the command line: the differences between the runtimes. */
import type { Limits } from "../limits.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { System } from "../runtime/system.ts";

/** The differences between the programs. */
export interface Platform {
  readonly runtime: Runtime;
  readonly system: System;
  /** The arguments of the program, without those of the runtime. */
  readonly args: readonly string[];
  /** The command line that starts this program again, without its arguments. */
  readonly self: readonly [string, ...string[]];
  /** The current folder, absolute. */
  readonly cwd: string;
  /** The listener for addresses beyond loopback if MCP_LISTENER is not set. */
  readonly remoteListener: "fast" | "hardened";
  /** Receives every unhandled exception and rejection, instead of the process ending. */
  readonly onFault: (handler: (fault: unknown) => void) => void;
  readonly exit: (code: number) => void;
  /** Reads a file of the operator's page, by its path in `src/page`; undefined if there is none. */
  readonly readPage: (file: string) => Promise<string | undefined>;
  /** Bounds that differ from the defaults: of the gateway, its listener, its watched files and its end. */
  readonly limits?: Partial<Limits>;
}
