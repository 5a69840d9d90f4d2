/**
 * The public keys of one issuer (case H9). They are read when a token needs them, then again after a
 * while, and when a token names a key that is not among them, but never more often than the pause
 * allows and never twice at the same time. While the issuer is unavailable, known keys stay in use up
 * to their greatest age. A key is chosen by the token's `kid` and algorithm alone; nothing in a token
 * is taken as a key, a URL or a path.
 */
import {
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from "jose";
import { type Clock, withDeadline } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import {
  type ReadIssuerDocument,
  toPublishedUrl,
  wellKnownUrls,
} from "../outgoing/issuer_documents.ts";
import type { JwtIssuer } from "./jwt_settings.ts";

/** The type of keys differs between the runtimes; jose names the one that it takes. */
type FindKey = (
  header: JWSHeaderParameters,
  token: FlattenedJWSInput,
) => ReturnType<ReturnType<typeof createLocalJWKSet>>;

/** Finds the keys of one issuer. */
export interface IssuerKeys {
  /**
   * The key of a token. Rejects with `issuer_unavailable` if there are no keys that may be used, and
   * with an error of jose if none of them, or more than one, fits the token.
   */
  readonly find: FindKey;
  /** Ends the reading under way; keys are not read again. */
  close(): void;
}

/** What the keys of an issuer need. */
export interface IssuerKeysDeps {
  readonly read: ReadIssuerDocument;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** The keys of one reading. */
interface KeySet {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly readAt: number;
}

interface KeysState extends IssuerKeysDeps {
  readonly issuer: Pick<JwtIssuer, "issuer" | "jwksUrl">;
  readonly closing: AbortController;
  keys: KeySet | undefined;
  /** When the latest reading began. */
  triedAt: number | undefined;
  reading: Promise<void> | undefined;
}

/** Makes the keys of one issuer; nothing is read yet. */
export function createIssuerKeys(
  issuer: Pick<JwtIssuer, "issuer" | "jwksUrl">,
  deps: IssuerKeysDeps,
): IssuerKeys {
  const closing = new AbortController();
  const state: KeysState = {
    ...deps,
    issuer,
    closing,
    keys: undefined,
    triedAt: undefined,
    reading: undefined,
  };
  return {
    async find(header, token) {
      const known = await usableKeys(state);
      try {
        return await known.find(header, token);
      } catch (thrown) {
        if (!(thrown instanceof errors.JWKSNoMatchingKey)) throw thrown;
        await readWhenDue(state);
        const { keys } = state;
        if (keys === undefined || keys === known) throw thrown;
        return await keys.find(header, token);
      }
    },
    close: () => closing.abort(),
  };
}

/** Keys that may be used now. Rejects with `issuer_unavailable`. */
async function usableKeys(state: KeysState): Promise<KeySet> {
  const { clock, limits } = state;
  const known = keysWithin(state, limits.issuerKeysMsMax);
  if (known !== undefined && keysWithin(state, limits.issuerKeysMs) !== undefined) return known;
  const reading = readWhenDue(state);
  // A slow issuer does not hold up tokens whose keys are known.
  if (known === undefined) await reading;
  else if (reading !== undefined) {
    await withDeadline(clock, limits.issuerPatienceMs, reading, () => undefined);
  }
  const keys = keysWithin(state, limits.issuerKeysMsMax);
  if (keys !== undefined) return keys;
  const retryAfterMs = Math.max(1, Math.ceil(msUntilDue(state)));
  throw new GatewayError("issuer_unavailable", undefined, { data: { retryAfterMs } });
}

/** The keys, unless they are older than this. */
function keysWithin({ keys, clock }: KeysState, ms: number): KeySet | undefined {
  return keys !== undefined && clock.monotonic() - keys.readAt < ms ? keys : undefined;
}

/** How long the keys must not be read yet. */
function msUntilDue(state: KeysState): number {
  const { triedAt, clock, limits } = state;
  if (triedAt === undefined) return 0;
  const isKnown = keysWithin(state, limits.issuerKeysMsMax) !== undefined;
  const pauseMs = isKnown ? limits.issuerKeysPauseMs : limits.issuerKeysRetryMs;
  return triedAt + pauseMs - clock.monotonic();
}

/** The reading under way, or a new one if it is time; else undefined. Never rejects. */
function readWhenDue(state: KeysState): Promise<void> | undefined {
  if (state.reading !== undefined) return state.reading;
  if (state.closing.signal.aborted || msUntilDue(state) > 0) return undefined;
  state.triedAt = state.clock.monotonic();
  state.reading = readKeys(state).finally(() => {
    state.reading = undefined;
  });
  return state.reading;
}

async function readKeys(state: KeysState): Promise<void> {
  const { issuer: { issuer }, clock, limits, log, closing } = state;
  const late = new AbortController();
  const cancel = clock.after(limits.issuerReadMs, () => late.abort());
  const readAt = clock.monotonic();
  try {
    const find = await readKeySet(state, AbortSignal.any([closing.signal, late.signal]));
    state.keys = { find, readAt };
    log.debug("Read the keys of an issuer", { issuer });
  } catch (thrown) {
    if (closing.signal.aborted) return;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    const isKnown = keysWithin(state, limits.issuerKeysMsMax) !== undefined;
    const message = isKnown
      ? "Cannot read the keys of an issuer; those that are known stay in use"
      : "Cannot read the keys of an issuer; its tokens are refused meanwhile";
    log.warn(message, { issuer, reason });
  } finally {
    cancel();
  }
}

/** Reads the keys of an issuer once. Rejects with an error text that says what is wrong with them. */
export async function readKeySet(
  { issuer, read, limits }: Pick<KeysState, "issuer" | "read" | "limits">,
  signal: AbortSignal,
): Promise<KeySet["find"]> {
  const url = issuer.jwksUrl ?? await findKeysUrl(issuer.issuer, read, signal);
  const { status, value } = await read(url, signal);
  if (status !== 200) throw new Error(`the URL of its keys answers with status ${status}`);
  const keys: unknown = value?.["keys"];
  if (!Array.isArray(keys)) throw new Error("the URL of its keys has no key set");
  if (keys.length > limits.issuerKeysMax) {
    throw new Error(`it has more than ${limits.issuerKeysMax} keys`);
  }
  return createLocalJWKSet({ keys } as JSONWebKeySet);
}

/** The URL of an issuer's keys by its metadata, which names exactly this issuer (RFC 8414, 3.3). */
async function findKeysUrl(
  issuer: string,
  read: ReadIssuerDocument,
  signal: AbortSignal,
): Promise<string> {
  for (const url of wellKnownUrls(issuer)) {
    const { status, value } = await read(url, signal);
    if (status >= 500) throw new Error(`its metadata answers with status ${status}`);
    if (status !== 200 || value === undefined) continue;
    if (value["issuer"] !== issuer) {
      throw new Error("its metadata names another issuer; correct auth.jwt.issuers");
    }
    const keysUrl = toPublishedUrl(value["jwks_uri"], issuer);
    if (keysUrl !== undefined) return keysUrl;
    throw new Error("its metadata names no https: URL for keys; set jwksUrl");
  }
  throw new Error("it has no metadata; correct auth.jwt.issuers, or set jwksUrl");
}
