/** The error of a change of who may connect: `keys add`, `keys revoke` and the like. */

/** Why a change cannot be made. */
export type AccessErrorCode =
  /** There is none of this name. */
  | "access_unknown"
  /** The name is taken. */
  | "access_taken"
  /** A value cannot be used. */
  | "access_invalid"
  /** There are as many as the gateway takes. */
  | "access_full";

/** A change that cannot be made; the message is a sentence for the operator. */
export class AccessError extends Error {
  readonly code: AccessErrorCode;

  constructor(code: AccessErrorCode, message: string) {
    super(message);
    this.name = "AccessError";
    this.code = code;
  }
}
