/**
 * A client's request as one instance passes it to another: what it consists of, its bytes, and the
 * signature that shows who sent it, to whom and when. A receiver takes each signature once.
 */
import type { Clock } from "../clock.ts";
import { isJsonObject } from "../json.ts";
import type { Limits } from "../limits.ts";
import type { Principal } from "../model.ts";
import { type InternalKey, toSignature, toSignatureText } from "./internal_key.ts";

/** A request of a client whom another instance has let in. */
export interface ForwardedRequest {
  readonly method: string;
  /** Path and query, as the client sent them. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly principal: Principal;
  /** Whose share the request takes. */
  readonly consumer: string;
  readonly remoteAddress: string | undefined;
  /** Whether the client's connection may be silent for long. */
  readonly isHeldOpen: boolean;
  /** Whether the receiver may become the owner: its sender gives away what it owns. */
  readonly mayTake: boolean;
  /** Absent: the request has none. */
  readonly body: string | undefined;
}

/** The only path of an instance's internal address. */
export const forwardPath = "/forward";

/** Headers of a forwarded request. */
const from = "mcp-wrapper-from";
const to = "mcp-wrapper-to";
const sentAt = "mcp-wrapper-time";
const nonce = "mcp-wrapper-nonce";
const digest = "mcp-wrapper-digest";
const signature = "mcp-wrapper-signature";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const none = new Uint8Array();

/** A request in the form in which it leaves. */
export interface SignedRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The answer is signed for it. */
  readonly nonce: string;
}

/** Who signs for whom. */
export interface Signing {
  readonly key: InternalKey;
  readonly from: string;
  readonly to: string;
  readonly clock: Pick<Clock, "wall">;
}

/** Signs a request. */
export async function signRequest(
  request: ForwardedRequest,
  signing: Signing,
): Promise<SignedRequest> {
  const { body: content, ...head } = request;
  const body = `${JSON.stringify({ ...head, hasBody: content !== undefined })}\n${content ?? ""}`;
  const chance = crypto.randomUUID();
  const time = String(Math.floor(signing.clock.wall()));
  const sum = await signing.key.digest(body);
  const mac = signing.key.sign(
    ["request", "POST", forwardPath, sum, time, chance, signing.from, signing.to],
    none,
  );
  return {
    headers: {
      "content-type": "application/octet-stream",
      [from]: signing.from,
      [to]: signing.to,
      [sentAt]: time,
      [nonce]: chance,
      [digest]: sum,
      [signature]: toSignatureText(mac),
    },
    body,
    nonce: chance,
  };
}

/** Why a request is refused. */
export type ForwardRefusal = "malformed" | "misdirected" | "late" | "forged" | "repeated" | "full";

/**
 * A request that another instance has signed and that is refused all the same. The refusal is signed
 * for its nonce: no request with this nonce was taken here, and none will be.
 */
export interface ProvenRefused {
  readonly refusal: "misdirected" | "full";
  readonly nonce: string;
}

/** The nonces of a while; see `forwardSkewMs`. */
export interface SeenNonces {
  /** `repeated` if it was taken before, `full` if there is no room to remember it. */
  take(nonce: string): "fresh" | "repeated" | "full";
}

/** Remembers nonces in two ages, each as long as a request may be on its way. */
export function createSeenNonces(
  clock: Clock,
  { forwardSkewMs, forwardNoncesMax }: Pick<Limits, "forwardSkewMs" | "forwardNoncesMax">,
): SeenNonces {
  const ageMs = 2 * forwardSkewMs;
  let young = new Set<string>();
  let old = new Set<string>();
  let since = clock.monotonic();
  return {
    take(one) {
      const now = clock.monotonic();
      if (now - since > ageMs) {
        old = now - since > 2 * ageMs ? new Set() : young;
        young = new Set();
        since = now;
      }
      if (young.has(one) || old.has(one)) return "repeated";
      if (young.size + old.size >= forwardNoncesMax) return "full";
      young.add(one);
      return "fresh";
    },
  };
}

const nonceForm = /^[\da-f-]{36}$/;

/** Who takes requests. */
export interface Receiving {
  /** The name of this instance. */
  readonly name: string;
  readonly key: InternalKey;
  readonly nonces: SeenNonces;
  readonly clock: Pick<Clock, "wall">;
  readonly limits: Pick<Limits, "forwardSkewMs">;
}

/** What the headers of a request prove: that an instance of this gateway sends this body now. */
export interface ProvenHead {
  readonly digest: string;
  readonly nonce: string;
}

/** Checks the headers, before anything of the body is read. */
export function proveHead(
  headers: Headers,
  { name, key, nonces, clock, limits }: Receiving,
): ProvenHead | ProvenRefused | ForwardRefusal {
  const time = headers.get(sentAt) ?? "";
  const chance = headers.get(nonce) ?? "";
  const sum = headers.get(digest) ?? "";
  const mac = toSignature(headers.get(signature) ?? "");
  if (mac === undefined || !nonceForm.test(chance) || !/^\d{1,16}$/.test(time)) return "malformed";
  if (Math.abs(clock.wall() - Number(time)) > limits.forwardSkewMs) return "late";
  const sender = headers.get(from) ?? "";
  const receiver = headers.get(to) ?? "";
  const context = ["request", "POST", forwardPath, sum, time, chance, sender, receiver];
  if (!key.verify(context, none, mac)) return "forged";
  if (receiver !== name) return { refusal: "misdirected", nonce: chance };
  const taken = nonces.take(chance);
  if (taken === "full") return { refusal: taken, nonce: chance };
  return taken === "fresh" ? { digest: sum, nonce: chance } : taken;
}

/** The request, if its bytes are those that its headers prove. */
export async function openRequest(
  head: ProvenHead,
  bytes: Uint8Array,
  key: Pick<InternalKey, "digest">,
): Promise<ForwardedRequest | ForwardRefusal> {
  const text = toText(bytes);
  // Only one sequence of bytes is this text, so its digest is theirs.
  if (text === undefined || await key.digest(text) !== head.digest) return "forged";
  return toRequest(text) ?? "malformed";
}

function toText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Whatever has the signature was written by `signRequest`, of this version or another one. */
function toRequest(text: string): ForwardedRequest | undefined {
  try {
    const end = text.indexOf("\n");
    const value: unknown = JSON.parse(text.slice(0, end));
    if (!isJsonObject(value)) return undefined;
    const { hasBody, ...head } = value;
    const request = head as unknown as ForwardedRequest;
    const isWhole = typeof request.method === "string" && typeof request.path === "string" &&
      isJsonObject(request.headers) && isJsonObject(request.principal) &&
      typeof request.principal.id === "string" && typeof request.consumer === "string";
    if (!isWhole) return undefined;
    return { ...request, body: hasBody === true ? text.slice(end + 1) : undefined };
  } catch {
    return undefined;
  }
}
