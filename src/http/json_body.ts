/**
 * Reads the body of a POST: its media type, its size and its deadline. A body whose announced
 * length is too large is refused at once; any other is counted while it arrives, since the
 * announced length proves nothing. Not here: the rest of a refused body (discard.ts), JSON itself
 * (protocol/jsonrpc.ts) and what the messages mean (the bindings).
 */
import { type Clock, withDeadline } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { bytesPerMegabyte, type Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { decodeUtf8, parseJson } from "../protocol/jsonrpc.ts";
import { type BodyBytes, readBytes } from "./body_bytes.ts";
import { type BodyPlace, type BodySender, createBodyRoom } from "./body_room.ts";

/** What reading a body needs. */
export interface BodyDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** The environment variable that sets the largest size; absent: the size is fixed. */
  readonly sizeVariable?: string | undefined;
}

const jsonType = /^application\/json\s*(;.*)?$/i;
const charset = /;\s*charset\s*=\s*"?([^";\s]*)"?/i;

/** Throws `media_type_unsupported` unless the body is JSON in UTF-8. */
export function assertJsonType(header: string | null): void {
  if (header === "application/json") return;
  const encoding = header === null ? undefined : charset.exec(header)?.[1]?.toLowerCase();
  const isUtf8 = encoding === undefined || encoding === "utf-8" || encoding === "utf8";
  if (header === null || !jsonType.test(header.trim()) || !isUtf8) {
    throw new GatewayError("media_type_unsupported");
  }
}

/**
 * Reads a body as a JSON value; throws what the error table has for bad bodies. `sender`: whose it
 * is, if it is one principal's.
 */
export type JsonReader = (request: Request, sender?: BodySender) => Promise<unknown>;

/** Reads a body as text, which is not parsed; throws as `JsonReader` does. */
export type TextReader = (request: Request, sender?: BodySender) => Promise<string>;

/** The readers of all bodies that come to one listener. */
export interface BodyReaders {
  readonly readJson: JsonReader;
  /** For a body that goes on as it is. */
  readonly readText: TextReader;
}

/** Makes the reader of JSON alone. */
export function createJsonReader(deps: BodyDeps): JsonReader {
  return createBodyReaders(deps).readJson;
}

/** Makes the readers, which share their room. */
export function createBodyReaders(deps: BodyDeps): BodyReaders {
  const room = createBodyRoom(deps.limits);
  return {
    readJson: createReader(deps, room, toValue),
    readText: createReader(deps, room, decodeUtf8),
  };
}

function createReader<Value>(
  deps: BodyDeps,
  room: ReturnType<typeof createBodyRoom>,
  toContent: (bytes: Uint8Array, limits: Limits) => Value,
): (request: Request, sender?: BodySender) => Promise<Value> {
  const { limits } = deps;
  const stepMax = Math.min(limits.reservedBodyBytesMax, limits.smallBodyBytesMax);
  return async (request, sender) => {
    const { headers } = request;
    assertJsonType(headers.get("content-type"));
    const announced = announcedIn(headers);
    if (announced !== undefined && announced > limits.bodyBytesMax) throw tooLarge(request, deps);
    if (announced !== undefined && announced <= stepMax) {
      return toContent(await readAtOnce(request, deps), limits);
    }
    const place = room.open(sender);
    try {
      return toContent(await readInSteps(request, announced, deps, place), limits);
    } finally {
      place.leave();
    }
  };
}

function announcedIn(headers: Headers): number | undefined {
  const header = headers.get("content-length");
  return header === null ? undefined : Number(header);
}

function toValue(bytes: Uint8Array, limits: Limits): unknown {
  return jsonOf(decodeUtf8(bytes), limits);
}

/** The value of a body's text; throws what the error table has for bad JSON. */
export function jsonOf(text: string, limits: Limits): unknown {
  return parseJson(text, limits, true);
}

/**
 * Reads a small body that announces its length. It does not use `Request.body`, which spares the
 * request a stream. A larger body is not read this way, because a listener may reserve memory for
 * the announced length.
 */
async function readAtOnce(request: Request, { limits, clock }: BodyDeps): Promise<Uint8Array> {
  try {
    return new Uint8Array(await withDeadline(clock, limits.bodyMs, request.arrayBuffer(), late));
  } catch (thrown) {
    throw toReadFault(thrown);
  }
}

/** Reads any other body. Throws `body_too_large` or `overloaded`, and keeps nothing then. */
async function readInSteps(
  request: Request,
  announced: number | undefined,
  deps: BodyDeps,
  place: BodyPlace,
): Promise<Uint8Array> {
  const { limits, clock } = deps;
  if (request.body === null) return new Uint8Array();
  const bytesMax = announced ?? limits.bodyBytesMax;
  const arriving = readBytes(request.body, limits.bodyStepBytes, bytesMax);
  try {
    const reading = readAll(arriving, request, deps, place);
    return await withDeadline(clock, limits.bodyMs, reading, () => {
      arriving.cancel();
      return late();
    });
  } catch (thrown) {
    throw toReadFault(thrown);
  }
}

/** Throws the error for a body that takes too long. */
export function late(): never {
  throw new GatewayError("body_timeout");
}

/** What reading a body threw, as an error for the client. */
export function toReadFault(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError("parse_error", "Cannot read the body: it ended early", { cause: thrown });
}

async function readAll(
  arriving: BodyBytes,
  request: Request,
  deps: BodyDeps,
  place: BodyPlace,
): Promise<Uint8Array> {
  try {
    for (;;) {
      const bytes = await arriving.next();
      if (bytes === undefined) return arriving.take();
      if (arriving.size() > deps.limits.bodyBytesMax) throw tooLarge(request, deps);
      place.grow(bytes);
    }
  } catch (thrown) {
    arriving.drop();
    throw thrown;
  }
}

function tooLarge(
  { url, headers }: Request,
  { limits, log, sizeVariable }: BodyDeps,
): GatewayError {
  const megabytes = limits.bodyBytesMax / bytesPerMegabyte;
  const setBy = sizeVariable === undefined ? "" : `; ${sizeVariable} sets the limit`;
  log.warn(`Refused a request body larger than ${megabytes} MiB${setBy}`, {
    path: new URL(url).pathname,
    announcedBytes: headers.get("content-length"),
    userAgent: headers.get("user-agent"),
  });
  const remedy = sizeVariable === undefined ? "send less" : `send less, or set ${sizeVariable}`;
  return new GatewayError(
    "body_too_large",
    `Cannot take a request body larger than ${megabytes} MiB; ${remedy}`,
  );
}
