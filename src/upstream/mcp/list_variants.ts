/**
 * The lists of one running connection for all of its callers: where each request says for which
 * client it is made, a server may list other things for clients with other extensions, so that each
 * map of extensions has lists of its own. Bounded: the oldest are fetched again.
 */
import { putWithin } from "../../bounded.ts";
import { variantOf } from "../../extensions.ts";
import type { Limits } from "../../limits.ts";
import type { Caller, ListKind } from "../../model.ts";
import type { Dialect } from "../link/dialect.ts";
import { createServerLists, type ServerLists, type ServerListsOptions } from "./lists.ts";

/** Which lists a caller gets. */
type ListReader = Pick<Caller, "extensions">;

/** The lists of one connection. */
export interface ListVariants {
  /** Those for callers with the same extensions. */
  of(caller: ListReader): ServerLists;
  /** The next reader of any of them asks again. */
  forget(kind: ListKind): void;
}

/** Makes them; nothing is fetched yet. `request` makes a request that lists may depend on. */
export function createListVariants(
  { dialect, request, offer, ...options }: Omit<ServerListsOptions, "request" | "offer"> & {
    readonly dialect: Dialect;
    readonly limits: Pick<Limits, "listVariantsMax">;
    readonly request: (
      caller: ListReader,
      ...args: Parameters<ServerListsOptions["request"]>
    ) => ReturnType<ServerListsOptions["request"]>;
    readonly offer: (caller: ListReader) => ServerListsOptions["offer"];
  },
): ListVariants {
  const variants = new Map<string, ServerLists>();
  return {
    of(caller) {
      // A handshake has said for all requests which client they are for.
      const variant = dialect.clientContext === "handshake" ? "" : variantOf(caller);
      const kept = variants.get(variant);
      // `putWithin` makes a variant the latest; a single one is that already.
      if (kept !== undefined && variants.size === 1) return kept;
      const lists = kept ??
        createServerLists({
          ...options,
          request: (...args) => request(caller, ...args),
          offer: offer(caller),
        });
      putWithin(variants, variant, lists, options.limits.listVariantsMax);
      return lists;
    },
    forget(kind) {
      for (const lists of variants.values()) lists.forget(kind);
    },
  };
}
