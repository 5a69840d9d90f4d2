/**
 * The one way in which a part of a document says that it cannot be used: what asked for it is left
 * out for that reason, and all else stands. What is wrong with a document as a whole is a
 * GatewayError.
 */

/** Its message is the reason, for the person who reads the log. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}
