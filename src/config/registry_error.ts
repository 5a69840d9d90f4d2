/** The error of a command about one server or profile: `add`, `remove`, `restart` and the like. */

/** Why a command cannot be done. */
export type RegistryErrorCode =
  /** The server or profile is in `mcp.json`, which only its owner edits. */
  | "in_file"
  /** There is no such server or profile. */
  | "unknown"
  /** The name or the entry cannot be used. */
  | "invalid"
  /** The command needs an enabled server. */
  | "disabled"
  /** The registry has as many servers or profiles as it takes. */
  | "full"
  /** The store cannot be written. */
  | "store_unavailable";

/** A command about a server or profile that cannot be done; the message is a sentence for the operator. */
export class RegistryError extends Error {
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "RegistryError";
    this.code = code;
  }
}
