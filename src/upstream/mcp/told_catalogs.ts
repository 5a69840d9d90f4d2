/**
 * What each scope was last told of one server, for each map of extensions that its callers declared:
 * a scope may be many clients, to which the server lists different things. A better source is
 * compared with it, and only what differs is announced. Not here: where an answer comes from
 * (catalog_view.ts).
 */
import { putWithin } from "../../bounded.ts";
import { variantOf } from "../../extensions.ts";
import { type Caller, type ListKind, listKindNames, listKinds } from "../../model.ts";
import type { Catalog, UpstreamDeps } from "../deps.ts";
import type { Watchers } from "../watchers.ts";
import { kindsOf } from "./lists.ts";

/** A scope got no answer, or one of a connection that is gone: whatever comes is news to it. */
const nothing = Symbol("nothing");

/** What one scope was told. */
type Told = Catalog | typeof nothing;

/** Stands for every variant of a scope whose connection is gone. */
const everyVariant = "every";

/** Whom an answer is for. */
type Reader = Pick<Caller, "scope" | "extensions">;

/** What all scopes were told. */
export interface ToldCatalogs {
  /** A reader was answered from a stored catalog. */
  told(reader: Reader, catalog: Catalog): void;
  /** A reader got no answer, or waits for the one that comes. */
  toldNothing(reader: Reader): void;
  /** All that a scope was told is out of date. */
  outdate(scope: string): void;
  /** An answer came from a catalog after its reader had been sent away. */
  answeredLate(reader: Reader, catalog: Catalog): void;
  /**
   * A connection for readers like this one is up: what it has is known from now on. Those who got no
   * answer at all may ask it, too.
   */
  connected(reader: Reader, catalog: Catalog): void;
  /** A catalog came for those who got no answer, unless `isServed`. */
  learned(catalog: Catalog, isServed: (scope: string) => boolean): void;
  /** A catalog that readers were told has been replaced. */
  replaced(before: Catalog, catalog: Catalog): void;
  forget(scope: string): void;
}

/**
 * Tells one scope, or all scopes if none is given, at once that lists changed. The gateway merges
 * the changes of a burst.
 */
export function announceLists(
  watchers: Watchers,
  scope: string | undefined,
  kinds: readonly ListKind[],
): void {
  const capabilities = new Set(kinds.map((kind) => listKinds[kind].capability));
  for (const capability of capabilities) {
    const method = `notifications/${capability}/list_changed`;
    watchers.tell(scope, { kind: "notice", method, params: {} });
  }
}

/** Makes the memory: no scope was told anything. */
export function createToldCatalogs(
  { watchers, hasEnded, deps: { limits } }: {
    readonly watchers: Watchers;
    readonly hasEnded: (scope: string) => boolean;
    readonly deps: Pick<UpstreamDeps, "limits">;
  },
): ToldCatalogs {
  const scopes = new Map<string, Map<string, Told>>();

  /** What is under way for a scope may end later than the scope, which is forgotten by then. */
  const put = (scope: string, variant: string, what: Told): void => {
    if (hasEnded(scope)) return;
    const variants = scopes.get(scope) ?? new Map<string, Told>();
    variants.delete(everyVariant);
    putWithin(variants, variant, what, limits.listVariantsMax);
    scopes.set(scope, variants);
  };
  /** Tells what is different in `catalog`, and remembers `next` as what was told. */
  const settle = (scope: string, variant: string, catalog: Catalog, next?: Catalog): void => {
    const variants = scopes.get(scope);
    const before = variants?.get(variant);
    if (variants === undefined || before === undefined) return;
    if (next === undefined) variants.delete(variant);
    else variants.set(variant, next);
    const kinds = before === nothing
      ? kindsOf(catalog.description)
      : listKindNames.filter((kind) => !isSame(before.lists[kind], catalog.lists[kind]));
    announceLists(watchers, scope, kinds);
  };
  /** Settles all that were told `what`, in scopes that are wanted. */
  const settleAll = (
    what: Told,
    catalog: Catalog,
    isWanted: (scope: string) => boolean = () => true,
  ): void => {
    for (const [scope, variants] of scopes) {
      if (!isWanted(scope)) continue;
      for (const [variant, one] of variants) {
        if (one === what) settle(scope, variant, catalog, catalog);
      }
    }
  };
  return {
    told: (reader, catalog) => put(reader.scope, variantOf(reader), catalog),
    toldNothing: (reader) => put(reader.scope, variantOf(reader), nothing),
    outdate(scope) {
      scopes.delete(scope);
      put(scope, everyVariant, nothing);
    },
    answeredLate(reader, catalog) {
      const variant = variantOf(reader);
      if (scopes.get(reader.scope)?.get(variant) !== nothing) return;
      put(reader.scope, variant, catalog);
      announceLists(watchers, reader.scope, kindsOf(catalog.description));
    },
    connected(reader, catalog) {
      for (const [variant, what] of scopes.get(reader.scope) ?? []) {
        if (what === nothing || variant === variantOf(reader)) {
          settle(reader.scope, variant, catalog);
        }
      }
    },
    learned: (catalog, isServed) => settleAll(nothing, catalog, (scope) => !isServed(scope)),
    replaced: (before, catalog) => settleAll(before, catalog),
    forget: (scope) => void scopes.delete(scope),
  };
}

function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
