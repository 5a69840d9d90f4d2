/**
 * Reads the body of an HTML form, or of an OAuth request, which has the same media type (RFC 6749,
 * appendix B): its type, its size and its deadline.
 */
import { type Clock, withDeadline } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { decodeUtf8 } from "../protocol/jsonrpc.ts";
import { readBytes } from "./body_bytes.ts";
import { late, toReadFault } from "./json_body.ts";

/** Reads a body; rejects with what the error table has for bad bodies. */
export type FormReader = (request: Request) => Promise<URLSearchParams>;

const formType = /^application\/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** Makes the reader. */
export function createFormReader(
  { limits, clock }: {
    readonly limits: Pick<Limits, "formBytesMax" | "bodyMs" | "bodyStepBytes">;
    readonly clock: Clock;
  },
): FormReader {
  return async ({ headers, body }) => {
    if (!formType.test(headers.get("content-type")?.trim() ?? "")) {
      throw new GatewayError(
        "media_type_unsupported",
        "Content-Type must be application/x-www-form-urlencoded",
      );
    }
    if (Number(headers.get("content-length") ?? 0) > limits.formBytesMax) throw tooLarge();
    if (body === null) return new URLSearchParams();
    const arriving = readBytes(body, limits.bodyStepBytes, limits.formBytesMax);
    const readAll = async (): Promise<URLSearchParams> => {
      while (await arriving.next() !== undefined) {
        if (arriving.size() > limits.formBytesMax) throw tooLarge();
      }
      return new URLSearchParams(decodeUtf8(arriving.take()));
    };
    try {
      return await withDeadline(clock, limits.bodyMs, readAll(), late);
    } catch (thrown) {
      arriving.cancel();
      throw toReadFault(thrown);
    }
  };
}

function tooLarge(): GatewayError {
  return new GatewayError("body_too_large");
}
