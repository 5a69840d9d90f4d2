/** A failure of a command: one error text for the person, and the exit code for scripts. */
import { type ExitCode, exitCodes } from "./exit_codes.ts";

/** Thrown by commands. `reason` is the name of the exit code, and the `code` of `--json` errors. */
export class CommandError extends Error {
  readonly reason: keyof typeof exitCodes;

  constructor(reason: keyof typeof exitCodes, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.reason = reason;
  }

  get exitCode(): ExitCode {
    return exitCodes[this.reason];
  }
}
