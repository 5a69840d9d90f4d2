/**
 * The tools of one MCP server's lists with their pins, in the words of connections and stored
 * catalogs: a list is pinned by what the key of its catalog says of the client. Where nothing is
 * pinned, every list is offered as it is.
 */
import type { Caller, Description, JsonObject } from "../../model.ts";
import type { Dialect } from "../link/dialect.ts";
import type { ServerPins } from "../pins.ts";
import type { CatalogKeys } from "./catalog_key.ts";

/** What a list is read from. */
export interface ListReading {
  /** The client for which the server lists. */
  readonly caller: Caller;
  readonly dialect: Dialect;
  readonly description: Pick<Description, "serverInfo">;
  /** Whether the list was read to its end. */
  readonly isWhole: boolean;
}

/** The pinned lists of one server. */
export interface PinnedLists {
  /** Whether no tool may be called that is not in the list that is offered. */
  readonly withholds: boolean;
  /** Takes tools that a connection listed; see `ServerPins.see`. */
  see(tools: readonly JsonObject[], reading: ListReading): Promise<void>;
  /** Takes the tools of a stored catalog; see `ServerPins.recall`. */
  recall(tools: readonly JsonObject[], key: string): Promise<boolean>;
  /** The tools that may be offered of a list that was seen or recalled. */
  offered(tools: readonly JsonObject[]): readonly JsonObject[];
  watch(listener: () => void): () => void;
}

/** Makes them; without `pins` nothing is compared. */
export function createPinnedLists(pins: ServerPins | undefined, keys: CatalogKeys): PinnedLists {
  if (pins === undefined) return unpinned;
  return {
    withholds: pins.withholds,
    async see(tools, { caller, dialect, description: { serverInfo }, isWhole }) {
      const key = await keys.of(caller, dialect);
      const [server = "", dialectName = "", ...variant] = key.split("/");
      // The beginning of the key is a digest of the configuration.
      const version = JSON.stringify([server, dialectName, serverInfo?.["version"]]);
      const principal = keys.isPerPrincipal ? caller.principal.id : "";
      await pins.see(tools, { principal, variant: variant.join("/"), key, version, isWhole });
    },
    recall: pins.recall,
    offered: pins.offered,
    watch: pins.watch,
  };
}

const unpinned: PinnedLists = {
  withholds: false,
  see: () => Promise.resolve(),
  recall: () => Promise.resolve(true),
  offered: (tools) => tools,
  watch: () => () => {},
};
