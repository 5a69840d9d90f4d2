/**
 * Seals values that leave the gateway and must come back unchanged. A sealed payload has an
 * HMAC-SHA-256 (WebCrypto), bound to a purpose and to its receiver. It is signed, not hidden: a
 * client can read its own. Secret payloads are encrypted (AES-GCM, with a key derived from the same
 * material). Also here: keyed digests and random keys. Not here: where the key is kept (app), and
 * how long a payload is valid (its owner).
 */
import { base64urlToBytes, bytesToBase64url, bytesToHex } from "./bytes_text.ts";
import type { JsonObject } from "./model.ts";

/** Seals and opens payloads with one key. */
export interface Sealer {
  /** Text that only this key opens, for this purpose and this binding (such as a session's key). */
  seal(purpose: string, payload: JsonObject, binding: string): Promise<string>;
  /** The payload; undefined if the text was changed, is not sealed, or is for another use. */
  open(purpose: string, text: string, binding: string): Promise<JsonObject | undefined>;
  /** Text that only this key reads, for this purpose and this binding. */
  encrypt(purpose: string, payload: JsonObject, binding: string): Promise<string>;
  /** The payload; undefined as for `open`. */
  decrypt(purpose: string, text: string, binding: string): Promise<JsonObject | undefined>;
  /** Keyed digest in hex: it shows that two texts are equal, but their values cannot be guessed. */
  digest(text: string): Promise<string>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const keyBytes = 32;
/** Enough to recognise an older key of the same gateway; the whole digest would add nothing. */
const keyIdChars = 8;
/**
 * The length that AES-GCM takes. It is random, and no key is used often enough for a repetition.
 */
const nonceBytes = 12;

/** A new random key as text. */
export function makeKey(): string {
  return bytesToBase64url(crypto.getRandomValues(new Uint8Array(keyBytes)));
}

/** SHA-256 of a text in hex. */
export async function sha256Hex(text: string): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))));
}

/** HMAC-SHA-256 of a text in hex: proof that its maker has the key. */
export async function hmacHex(keyText: string, text: string): Promise<string> {
  const key = await importSigningKey(keyText);
  return bytesToHex(new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text))));
}

/** Makes a sealer from a key such as `makeKey` returns; any non-empty text is valid. */
export async function createSealer(keyText: string): Promise<Sealer> {
  if (keyText === "") throw new Error("Cannot create sealer: the key is empty");
  const key = await importSigningKey(keyText);
  const hidingKey = await importHidingKey(keyText);
  const digest = async (text: string): Promise<string> => {
    const mac = await crypto.subtle.sign("HMAC", key, toMessage("digest", text));
    return bytesToHex(new Uint8Array(mac));
  };
  const keyId = (await digest("key id")).slice(0, keyIdChars);
  const toSealMessage = (purpose: string, payload: string, binding: string) =>
    toMessage("seal", keyId, purpose, payload, binding);

  return {
    async seal(purpose, payload, binding) {
      const body = bytesToBase64url(encoder.encode(JSON.stringify(payload)));
      const mac = await crypto.subtle.sign("HMAC", key, toSealMessage(purpose, body, binding));
      return `${keyId}.${body}.${bytesToBase64url(new Uint8Array(mac))}`;
    },
    async open(purpose, text, binding) {
      const [id, body, macText, ...rest] = text.split(".");
      if (id !== keyId || body === undefined || macText === undefined || rest.length > 0) {
        return undefined;
      }
      const mac = toBytes(macText);
      if (mac === undefined) return undefined;
      const message = toSealMessage(purpose, body, binding);
      if (!await crypto.subtle.verify("HMAC", key, mac, message)) return undefined;
      // `seal` wrote everything that verifies, so it is a JSON object.
      return JSON.parse(decoder.decode(base64urlToBytes(body)));
    },
    async encrypt(purpose, payload, binding) {
      const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
      const params = toParams(nonce, purpose, binding);
      const plain = encoder.encode(JSON.stringify(payload));
      const hidden = new Uint8Array(await crypto.subtle.encrypt(params, hidingKey, plain));
      return `${keyId}.${bytesToBase64url(nonce)}.${bytesToBase64url(hidden)}`;
    },
    async decrypt(purpose, text, binding) {
      const [id, nonceText = "", hiddenText = "", ...rest] = text.split(".");
      const nonce = toBytes(nonceText);
      const hidden = toBytes(hiddenText);
      if (id !== keyId || rest.length > 0 || nonce?.length !== nonceBytes) return undefined;
      if (hidden === undefined) return undefined;
      const params = toParams(nonce, purpose, binding);
      const plain = await crypto.subtle.decrypt(params, hidingKey, hidden).catch(() => undefined);
      // `encrypt` wrote everything that can be read, so it is a JSON object.
      return plain === undefined ? undefined : JSON.parse(decoder.decode(plain));
    },
    digest,
  };
}

function importSigningKey(keyText: string): Promise<CryptoKey> {
  return crypto.subtle.importKey(
    "raw",
    encoder.encode(keyText),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
}

/** The encryption key, which differs from the signing key of the same text. */
async function importHidingKey(keyText: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(keyText), "HKDF", false, [
    "deriveKey",
  ]);
  return await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: encoder.encode("encrypt") },
    material,
    { name: "AES-GCM", length: keyBytes * 8 },
    false,
    ["encrypt", "decrypt"],
  );
}

function toParams(nonce: Uint8Array<ArrayBuffer>, purpose: string, binding: string) {
  return { name: "AES-GCM", iv: nonce, additionalData: toMessage("encrypt", purpose, binding) };
}

/** Parts as bytes, in a form that no other parts have. */
function toMessage(...parts: string[]): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(parts));
}

/** The bytes of a base64url text in its canonical form; undefined for any other text. */
function toBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = base64urlToBytes(text);
    return bytesToBase64url(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
