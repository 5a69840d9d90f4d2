/** How to read an answer, by its media type and the documentation of its operation. */
import { isJsonType } from "./request_body.ts";
import type { Operation } from "./service.ts";

/** How an answer is read. */
export interface Form {
  /** `file`: its bytes show whether it is text. */
  readonly kind: "json" | "text" | "image" | "audio" | "file";
  /** Not the documented type; a text may still be JSON. */
  readonly isOdd: boolean;
  /** A web page: only an object or a list counts as JSON. */
  readonly isPage: boolean;
}

/** The documentation of an operation's answers. */
export type Documented = Pick<Operation, "produces" | "outputSchema" | "projection">;

/** The media type of an answer, without its parameters; empty if there is none. */
export function mediaTypeOf(headers: Headers): string {
  return (headers.get("content-type") ?? "").replace(/;.*$/s, "").trim().toLowerCase();
}

/** How to read an answer of this type. */
export function toForm(mediaType: string, operation: Documented): Form {
  const isDocumented = (operation.produces ?? []).some((one) => matches(mediaType, one));
  const isPage = !isDocumented && /html/.test(mediaType);
  const isOdd = isPage || (!isDocumented && isJsonWanted(operation));
  return { kind: toKind(mediaType), isOdd, isPage };
}

function toKind(mediaType: string): Form["kind"] {
  if (isJsonType(mediaType)) return "json";
  const [type = ""] = mediaType.split("/");
  if (type === "image" || type === "audio") return type;
  return /^$|^text$/.test(type) || /[/+]xml$|html/.test(mediaType) ? "text" : "file";
}

function isJsonWanted({ produces, outputSchema, projection }: Documented): boolean {
  if (produces !== undefined && produces.length > 0) return produces.some(isJsonType);
  return outputSchema !== undefined || projection !== undefined;
}

/** Whether a media type matches a pattern that may end in `*`. */
function matches(mediaType: string, pattern: string): boolean {
  const wanted = pattern.replace(/;.*$/s, "").trim().toLowerCase();
  if (wanted === "*/*") return false;
  return wanted.endsWith("/*") ? mediaType.startsWith(wanted.slice(0, -1)) : mediaType === wanted;
}
