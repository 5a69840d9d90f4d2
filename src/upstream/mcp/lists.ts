/**
 * The lists of one running connection: fetched once, page by page within bounds, and kept until the
 * server says that they changed, or, where it never would, for as long as it said that they are
 * fresh. A capability that is absent is an empty list without asking; a server that declares
 * nothing at all is asked for its tools, once. Follows utilities/caching of 2026.
 */
import type { Clock } from "../../clock.ts";
import { errorTable } from "../../error_table.ts";
import { GatewayError } from "../../errors.ts";
import { offersList } from "../../extensions.ts";
import { isJsonObject } from "../../json.ts";
import type { Limits } from "../../limits.ts";
import type { Log } from "../../log.ts";
import {
  type Correction,
  type Description,
  type Freshness,
  type JsonObject,
  leastFresh,
  type ListKind,
  listKindNames,
  listKinds,
  type Notice,
  type Result,
} from "../../model.ts";
import type { Catalog, CorrectionLog } from "../deps.ts";
import { type SoundToolsOptions, withSoundSchemas } from "../catalog/sound_tools.ts";

/** The lists of one connection. */
export interface ServerLists {
  get(kind: ListKind): Promise<readonly JsonObject[]>;
  /** What `get` would give at once; undefined when it would ask the server. */
  known(kind: ListKind): readonly JsonObject[] | undefined;
  /** How long what was fetched stays fresh from now on; undefined when its server did not say. */
  freshness(kind: ListKind): Freshness | undefined;
  /** All lists as the server gives them, with the tools that are not offered. */
  all(): Promise<Catalog["lists"]>;
  /** What the server declares, and its tools where it declares nothing and lists some. */
  declared(): Promise<JsonObject>;
  /** The next `get` asks again. */
  forget(kind: ListKind): void;
}

/** Decides which of the tools that a server lists are offered. */
export interface ToolOffer {
  see(tools: readonly JsonObject[], isWhole: boolean): Promise<void>;
  offered(tools: readonly JsonObject[]): readonly JsonObject[];
}

/** What the lists are fetched with. */
export interface ServerListsOptions {
  readonly server: string;
  readonly capabilities: JsonObject;
  /** `timeoutMs` where it is not that of every request. */
  readonly request: (method: string, params: JsonObject, timeoutMs?: number) => Promise<Result>;
  readonly clock: Clock;
  readonly limits:
    & Pick<
      Limits,
      | "listPagesMax"
      | "listItemsMax"
      | "listFreshMsMin"
      | "listIdentityCharsMax"
      | "skillFilesMax"
      | "undeclaredListMs"
    >
    & SoundToolsOptions["limits"];
  readonly log: Log;
  readonly corrections: CorrectionLog;
  /** Absent: all tools are offered. */
  readonly offer?: ToolOffer | undefined;
}

/** The lists that a notice says have changed; without a notice all of them. */
export function changedKinds(notice?: Notice): ListKind[] {
  return listKindNames.filter((kind) =>
    notice === undefined ||
    notice.method === `notifications/${listKinds[kind].capability}/list_changed`
  );
}

/** The lists that a server with these capabilities has. */
export function kindsOf({ capabilities }: Pick<Description, "capabilities">): ListKind[] {
  return listKindNames.filter((kind) => offersList(capabilities, kind));
}

const none: readonly JsonObject[] = [];

/** Makes the lists of a connection; nothing is fetched yet. */
export function createServerLists(options: ServerListsOptions): ServerLists {
  const known = new Map<ListKind, Promise<readonly JsonObject[]>>();
  const staleAt = new Map<ListKind, number>();
  const fetched = new Map<ListKind, readonly JsonObject[]>();
  const hints = new Map<ListKind, Freshness & { readonly since: number }>();
  const isSilent = kindsOf(options).length === 0;
  const isAbsent = (kind: ListKind): boolean =>
    !offersList(options.capabilities, kind) && !(isSilent && kind === "tools");
  const isFresh = (kind: ListKind): boolean => {
    const until = staleAt.get(kind) ?? Infinity;
    return until === Infinity || options.clock.monotonic() < until;
  };
  const read = (kind: ListKind): Promise<readonly JsonObject[]> => {
    if (isAbsent(kind)) return Promise.resolve(none);
    const kept = known.get(kind);
    if (kept !== undefined && isFresh(kind)) return kept;
    const asked = offersList(options.capabilities, kind)
      ? fetchList(kind, options)
      : fetchUndeclared(kind, options);
    const fetching = asked.then(({ items, ttlMs, freshness }) => {
      const since = options.clock.monotonic();
      staleAt.set(kind, ttlMs === undefined ? Infinity : since + ttlMs);
      if (freshness !== undefined) hints.set(kind, { ...freshness, since });
      if (known.get(kind) === fetching) fetched.set(kind, items);
      return items;
    });
    forget(kind);
    known.set(kind, fetching);
    fetching.catch(() => {
      if (known.get(kind) === fetching) known.delete(kind);
    });
    return fetching;
  };
  const forget = (kind: ListKind): void => {
    for (const map of [known, staleAt, hints, fetched]) map.delete(kind);
  };
  const { offered } = options.offer ?? { offered: (tools) => tools };
  return {
    get: (kind) => kind === "tools" ? read(kind).then(offered) : read(kind),
    known(kind) {
      // The same array each time, because name tables are kept for each array.
      if (isAbsent(kind)) return none;
      const items = isFresh(kind) ? fetched.get(kind) : undefined;
      return items === undefined || kind !== "tools" ? items : offered(items);
    },
    freshness(kind) {
      const hint = hints.get(kind);
      if (hint === undefined) return undefined;
      const { ttlMs, isShared, since } = hint;
      return { ttlMs: Math.max(0, since + ttlMs - options.clock.monotonic()), isShared };
    },
    async declared() {
      const { server, capabilities, log } = options;
      const tools = isSilent ? await read("tools") : [];
      if (tools.length === 0) return capabilities;
      log.warn(
        `Server "${server}" declares no capabilities, but lists tools; the gateway uses them`,
        {
          tools: tools.length,
        },
      );
      return { ...capabilities, [listKinds.tools.capability]: {} };
    },
    async all() {
      const [tools, prompts, resources, templates, skills] = await Promise.all([
        read("tools"),
        read("prompts"),
        read("resources"),
        read("templates"),
        read("skills"),
      ]);
      return { tools, prompts, resources, templates, skills };
    },
    forget,
  };
}

/** A whole list, and how long it is fresh; undefined: until the server says otherwise. */
interface Fetched {
  readonly items: readonly JsonObject[];
  readonly ttlMs: number | undefined;
  /** The least that its pages said of it. */
  readonly freshness: Freshness | undefined;
}

/**
 * A list of a server that declares nothing: whatever does not hold items means that it has none.
 */
async function fetchUndeclared(kind: ListKind, options: ServerListsOptions): Promise<Fetched> {
  const { undeclaredListMs } = options.limits;
  const request: ServerListsOptions["request"] = (method, params) =>
    options.request(method, params, undeclaredListMs);
  const fetched = await fetchList(kind, { ...options, request }).catch(() => undefined);
  return fetched === undefined || fetched.items.length === 0
    ? { items: [], ttlMs: undefined, freshness: undefined }
    : fetched;
}

async function fetchList(kind: ListKind, options: ServerListsOptions): Promise<Fetched> {
  const { method, key, identity } = listKinds[kind];
  let said: Freshness | undefined;
  const { server, limits, log } = options;
  const items = new Map<string, JsonObject>();
  const corrections: Correction[] = [];
  const pages = createPages();
  let files = 0;
  let isWhole = true;
  let params: JsonObject = {};
  for (let page = 1;; page++) {
    const { value, freshness, corrections: ofPage = [] } = await fetchPage(kind, params, options);
    for (const correction of ofPage) corrections.push(correction);
    said = leastFresh(said, freshness);
    // The codec lets only items with an identity through.
    const names = ((value[key] ?? []) as readonly JsonObject[]).map((item) => {
      const name = String(item[identity]);
      const own = kind === "skills" ? filesIn(item) : 0;
      const problem = items.has(name)
        ? `another one has the same ${identity}`
        : name.length > limits.listIdentityCharsMax
        ? `its ${identity} has more than ${limits.listIdentityCharsMax} characters`
        : files + own > limits.skillFilesMax
        ? `the skills have more than ${limits.skillFilesMax} files`
        : undefined;
      if (problem === undefined) {
        items.set(name, item);
        files += own;
      } else corrections.push({ item: name, reason: `left out: ${problem}` });
      return name;
    });
    // The codec lets only texts and numbers through; each goes back as it came.
    const cursor = value["nextCursor"];
    if (cursor === undefined) break;
    const problem = pages.repeats(cursor, names)
      ? "its pages repeat"
      : page >= limits.listPagesMax
      ? `it has more than ${limits.listPagesMax} pages`
      : items.size >= limits.listItemsMax
      ? `it has more than ${limits.listItemsMax} items`
      : undefined;
    if (problem !== undefined) {
      log.warn(`Stopped reading ${method} of server "${server}": ${problem}`, {
        items: items.size,
      });
      isWhole = false;
      break;
    }
    params = { cursor };
  }
  const kept = [...items.values()].slice(0, limits.listItemsMax);
  const checked = kind === "tools" ? await withSoundSchemas(kept, options) : undefined;
  options.corrections.add(method, [...corrections, ...checked?.corrections ?? []]);
  if (checked !== undefined) {
    await options.offer?.see(checked.tools, isWhole && kept.length === items.size);
  }
  return { items: checked?.tools ?? kept, ttlMs: keptMs(kind, said, options), freshness: said };
}

/** How many files an entry of a skill names. */
function filesIn({ resources }: JsonObject): number {
  return Array.isArray(resources) ? resources.length : 0;
}

/** How long a list is kept; undefined: until its server says that it changed. */
function keptMs(
  kind: ListKind,
  said: Freshness | undefined,
  { capabilities, limits: { listFreshMsMin } }: ServerListsOptions,
): number | undefined {
  const declared = capabilities[listKinds[kind].capability];
  // No notice is about skills, and their digests are wrong as soon as a file changes.
  const isUnannounced = kind === "skills";
  if (!isUnannounced && isJsonObject(declared) && declared["listChanged"] === true) {
    return undefined;
  }
  if (said === undefined) return isUnannounced ? listFreshMsMin : Infinity;
  // Each call looks its tool up: that a list is stale at once cannot mean a list for each call.
  return Math.max(said.ttlMs, listFreshMsMin);
}

/** Remembers the pages of one list. */
function createPages() {
  const seen = new Set<string>();
  const isSeen = (what: unknown): boolean => {
    const size = seen.size;
    return seen.add(JSON.stringify(what)).size === size;
  };
  return {
    /** Whether a page, or the cursor to the next one, has come before. Pages may be empty. */
    repeats(cursor: unknown, names: readonly string[]): boolean {
      const isOldPage = names.length > 0 && isSeen([names]);
      return isSeen(cursor) || isOldPage;
    },
  };
}

async function fetchPage(
  kind: ListKind,
  params: JsonObject,
  options: ServerListsOptions,
): Promise<Omit<Result, "kind">> {
  try {
    return await options.request(listKinds[kind].method, params);
  } catch (error) {
    // Servers with resources often have no templates and do not know the method.
    const isUnknown = error instanceof GatewayError &&
      error.upstream?.code === errorTable.method_not_found.rpc;
    if (kind === "templates" && isUnknown) return { value: {} };
    throw error;
  }
}
