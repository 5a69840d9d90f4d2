/**
 * Whole results whose clients got a shortened one, kept for a while so that they can be read on in
 * parts. The URI of one is a random name, which no list has. Only the session (or the principal of a
 * client without one) that made the call can read it, on the surface of the call. They are kept in
 * memory, within bounds for each principal and for all; the oldest give way, first those of the
 * principal that has most.
 */
import { bytesToHex } from "../bytes_text.ts";
import type { Clock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import type { Call, Caller } from "../model.ts";
import { costOf, type Piece, type ReadPart, splitIntoParts } from "../truncation/pieces.ts";
import type { PolicyItem } from "./access_policy.ts";

/** What is kept of one result. */
export interface KeptResult {
  readonly uri: string;
  readonly pieces: readonly Piece[];
  readonly parts: readonly ReadPart[];
  /** What was called: who loses the right to that cannot read on. */
  readonly server: string;
  readonly item: PolicyItem | undefined;
  /** When it is forgotten (monotonic). */
  readonly expiresAt: number;
}

/** What is to be kept, and for whom. */
export interface ResultToKeep extends Pick<KeptResult, "server" | "item" | "pieces"> {
  readonly caller: Caller;
  readonly surface: string;
  /** Characters of one part. */
  readonly partCharsMax: number;
}

/** The kept results. */
export interface KeptResults {
  /** Keeps a result; undefined if it is too large. The same result of the same call is kept once. */
  keep(result: ResultToKeep): KeptResult | undefined;
  /** The result of this URI, if this caller may read it on this surface. */
  find(uri: string, caller: Caller, surface: string): KeptResult | undefined;
  /** Forgets what a scope could read. */
  endScope(scope: string): void;
  /** Forgets all. */
  close(): void;
}

const uriStart = "mcp-wrapper-result:";
/** 128 bits. */
const idBytes = 16;

/** The URI of a part; the first one has that of the whole. */
export function uriOfPart(uri: string, part: number): string {
  return part === 1 ? uri : `${uri}?part=${part}`;
}

/** The instance that keeps a result; undefined if there is only one. */
export function instanceOfKept(uri: string): string | undefined {
  const [, name] = /^[^.?#]*\.([^?#]*)/.exec(uri) ?? [];
  try {
    return name && decodeURIComponent(name);
  } catch {
    return undefined;
  }
}

/** The number of the part that a URI names, and the URI of the whole; undefined for other URIs. */
export function partIn(given: string): { readonly uri: string; readonly part: number } | undefined {
  const [, uri, part = "1"] = /^([^?#]*)(?:\?part=([1-9]\d{0,8}))?(?:#.*)?$/s.exec(given) ?? [];
  return uri === undefined ? undefined : { uri, part: Number(part) };
}

/** Methods whose target is a URI. */
const methodsOfUris: ReadonlySet<string> = new Set([
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "resources/directory/read",
  "skills/get",
]);

/** Whether a call is about a kept result, whose URIs no server has. */
export function asksForKept({ method, params: { uri } }: Pick<Call, "method" | "params">): boolean {
  return methodsOfUris.has(method) && typeof uri === "string" && uri.startsWith(uriStart);
}

interface Entry extends KeptResult {
  readonly scope: string;
  readonly principal: string;
  readonly surface: string;
  readonly chars: number;
  readonly partCharsMax: number;
}

/** How much is kept. */
interface Share {
  count: number;
  chars: number;
}

type KeptLimits = Pick<
  Limits,
  | "keptCharsMax"
  | "keptCharsPerPrincipalMax"
  | "keptResultCharsMax"
  | "keptResultMs"
  | "keptResultsMax"
  | "keptResultsPerPrincipalMax"
>;

/** Makes the memory of kept results. `instance`: the name of this one of several. */
export function createKeptResults(
  clock: Clock,
  limits: KeptLimits,
  instance?: string,
): KeptResults {
  return new Kept(clock, limits, instance === undefined ? "" : `.${encodeURIComponent(instance)}`);
}

class Kept implements KeptResults {
  readonly #clock: Clock;
  readonly #limits: KeptLimits;
  readonly #uriEnd: string;
  /** By URI, oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #shares = new Map<string, Share>();
  readonly #all: Share = { count: 0, chars: 0 };
  #cancelSweep: (() => void) | undefined;

  constructor(clock: Clock, limits: KeptLimits, uriEnd: string) {
    this.#clock = clock;
    this.#limits = limits;
    this.#uriEnd = uriEnd;
  }

  keep(result: ResultToKeep): KeptResult | undefined {
    const { caller: { principal, scope }, surface, pieces, server, item, partCharsMax } = result;
    const chars = pieces.reduce((sum, piece) => sum + costOf(piece), 0);
    if (chars > this.#limits.keptResultCharsMax) return undefined;
    this.#sweep();
    const known = this.#same(result, chars);
    const expiresAt = this.#clock.monotonic() + this.#limits.keptResultMs;
    if (known !== undefined) return this.#renew(known, expiresAt);
    const id = bytesToHex(crypto.getRandomValues(new Uint8Array(idBytes)));
    const entry: Entry = {
      uri: `${uriStart}${id}${this.#uriEnd}`,
      pieces,
      parts: splitIntoParts(pieces, partCharsMax),
      server,
      item,
      expiresAt,
      scope,
      principal: principal.id,
      surface,
      chars,
      partCharsMax,
    };
    this.#add(entry);
    return entry;
  }

  find(uri: string, { scope }: Caller, surface: string): KeptResult | undefined {
    this.#sweep();
    const entry = this.#entries.get(uri);
    return entry?.scope === scope && entry.surface === surface ? entry : undefined;
  }

  endScope(scope: string): void {
    for (const entry of this.#entries.values()) if (entry.scope === scope) this.#remove(entry);
  }

  close(): void {
    for (const entry of this.#entries.values()) this.#remove(entry);
    this.#sweep();
  }

  /** The same result, which a client got before: a finished task is asked for several times. */
  #same(result: ResultToKeep, chars: number): Entry | undefined {
    const { caller: { scope }, surface, server, pieces, item, partCharsMax } = result;
    for (const entry of this.#entries.values()) {
      const isLike = entry.chars === chars && entry.scope === scope &&
        entry.surface === surface && entry.server === server && entry.item?.own === item?.own &&
        entry.partCharsMax === partCharsMax && entry.pieces.length === pieces.length;
      if (isLike && entry.pieces.every((piece, at) => isEqual(piece, pieces[at]))) return entry;
    }
    return undefined;
  }

  /** Keeps a result that was given again for as long as a new one. */
  #renew(known: Entry, expiresAt: number): Entry {
    const entry = { ...known, expiresAt };
    // The youngest is the last.
    this.#entries.delete(entry.uri);
    this.#entries.set(entry.uri, entry);
    return entry;
  }

  #add(entry: Entry): void {
    const { keptResultsPerPrincipalMax, keptCharsPerPrincipalMax } = this.#limits;
    const { keptResultsMax, keptCharsMax } = this.#limits;
    const share = this.#shares.get(entry.principal) ?? { count: 0, chars: 0 };
    this.#shares.set(entry.principal, share);
    this.#entries.set(entry.uri, entry);
    for (const sum of [share, this.#all]) {
      sum.count += 1;
      sum.chars += entry.chars;
    }
    const isOver = ({ count, chars }: Share, countMax: number, charsMax: number) =>
      count > countMax || chars > charsMax;
    for (const old of this.#entries.values()) {
      if (!isOver(share, keptResultsPerPrincipalMax, keptCharsPerPrincipalMax)) break;
      if (old.principal === entry.principal) this.#remove(old);
    }
    while (isOver(this.#all, keptResultsMax, keptCharsMax)) {
      const old = this.#oldestOfGreediest(this.#all.chars > keptCharsMax ? "chars" : "count");
      if (old === undefined) break;
      this.#remove(old);
    }
    this.#sweep();
  }

  /** The oldest result of the principal that has most; of those with as much, the oldest of all. */
  #oldestOfGreediest(what: keyof Share): Entry | undefined {
    const shareOf = ({ principal }: Entry) => this.#shares.get(principal)?.[what] ?? 0;
    let found: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (found === undefined || shareOf(entry) > shareOf(found)) found = entry;
    }
    return found;
  }

  #remove({ uri, principal, chars }: Entry): void {
    if (!this.#entries.delete(uri)) return;
    const share = this.#shares.get(principal);
    for (const sum of share === undefined ? [this.#all] : [share, this.#all]) {
      sum.count -= 1;
      sum.chars -= chars;
    }
    if (share?.count === 0) this.#shares.delete(principal);
  }

  /** Forgets what has expired, and looks again when the next one expires. */
  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const entry of this.#entries.values()) {
      if (entry.expiresAt > now) break;
      this.#remove(entry);
    }
    const [oldest] = this.#entries.values();
    if (oldest === undefined) {
      this.#cancelSweep?.();
      this.#cancelSweep = undefined;
    } else {
      this.#cancelSweep ??= this.#clock.after(oldest.expiresAt - now, () => {
        this.#cancelSweep = undefined;
        this.#sweep();
      });
    }
  }
}

function isEqual(one: Piece, other: Piece | undefined): boolean {
  if (other === undefined || one.mimeType !== other.mimeType) return false;
  return "text" in one
    ? "text" in other && one.text === other.text
    : "blob" in other && one.blob === other.blob;
}
