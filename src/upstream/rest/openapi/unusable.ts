/**
 * The one error for a part of a document that cannot be used: whatever needs the part is left out
 * for that reason, and the rest stays. A fault of a whole document is a GatewayError.
 */

/** Its message is the reason, for operators who read the log. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}
