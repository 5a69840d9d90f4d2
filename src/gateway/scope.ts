/**
 * What the gateway itself keeps for one scope: which servers have answered it, their last good
 * lists, which server a URI came from, which pages of apps it read, and what it subscribed to.
 * Bounded, and gone with `endScope`.
 */
import { putWithin, SizedMap } from "../bounded.ts";
import type { Clock } from "../clock.ts";
import { variantOf } from "../extensions.ts";
import type { Limits } from "../limits.ts";
import type { Caller, JsonObject, ListKind } from "../model.ts";

/** What is known of one server in one scope. */
export interface ServerMemory {
  /** When the scope first wanted something of this server (monotonic). */
  readonly firstAskedAt: number;
  /** Whether it ever answered this scope. */
  answered: boolean;
  /**
   * The last good lists, for each map of extensions that was declared (`variantOf`); absent until
   * the first.
   */
  lists: Map<string, Map<ListKind, readonly JsonObject[]>> | undefined;
}

/** The owner of an offered URI and the owner's own URI for it. */
export interface UriOwner {
  readonly server: string;
  readonly uri: string;
}

/** A URI as a surface offers it: a scope may be on several surfaces, which name resources alike. */
export interface OfferedUri {
  readonly surface: string;
  readonly offered: string;
}

/** An active subscription: the client's URI for the resource on a surface, and its owner. */
export interface Subscribed extends UriOwner, OfferedUri {}

/** The folder of a skill as a surface offers it, and its server. */
export interface SkillFolder extends OfferedUri {
  readonly server: string;
}

/** The key of an offered URI in a scope's memory. */
export function offeredKey({ surface, offered }: OfferedUri): string {
  return JSON.stringify([surface, offered]);
}

/** One scope's memory. Its maps are made on first use: most scopes need few of them. */
export class ScopeMemory {
  /** Whether its client got every capability declared because a server had not answered yet. */
  declaredAll = false;
  #servers: Map<string, ServerMemory> | undefined;
  #seenUris: SizedMap<UriOwner> | undefined;
  #listedPages: SizedMap<UriOwner> | undefined;
  #skillFolders: SizedMap<SkillFolder> | undefined;
  #pageReads: Map<string, readonly string[]> | undefined;
  #subscribed: Map<string, Subscribed> | undefined;
  #tasks: Map<string, string> | undefined;
  #extensionMaps: Map<string, number> | undefined;

  get servers(): Map<string, ServerMemory> {
    return this.#servers ??= new Map();
  }

  /** URIs that came with results, which no list names, by their key. Oldest go first. */
  get seenUris(): SizedMap<UriOwner> {
    return this.#seenUris ??= new SizedMap(({ uri }) => uri.length);
  }

  /** Pages that the tools in its last list name, by their key. Oldest go first. */
  get listedPages(): SizedMap<UriOwner> {
    return this.#listedPages ??= new SizedMap(({ uri }) => uri.length);
  }

  /** Folders of skills that it got though no list has them, by their key. Oldest go first. */
  get skillFolders(): SizedMap<SkillFolder> {
    return this.#skillFolders ??= new SizedMap(({ offered }) => offered.length);
  }

  /** The servers whose pages it read on each surface, last read last. */
  get pageReads(): Map<string, readonly string[]> {
    return this.#pageReads ??= new Map();
  }

  /** Every subscription in force, by its key. */
  get subscribed(): Map<string, Subscribed> {
    return this.#subscribed ??= new Map();
  }

  /** Task id -> the server that runs it. Oldest go first. */
  get tasks(): Map<string, string> {
    return this.#tasks ??= new Map();
  }

  /** Extensions of stateless clients that servers got as they are, and when last (monotonic). */
  get extensionMaps(): Map<string, number> {
    return this.#extensionMaps ??= new Map();
  }

  /** Forgets what came from a server; subscriptions at it stay. */
  forgetServer(server: string): void {
    this.#servers?.delete(server);
    for (const owners of [this.#seenUris, this.#listedPages, this.#skillFolders]) {
      for (const [uri, owner] of owners ?? []) if (owner.server === server) owners?.delete(uri);
    }
    for (const [surface, names] of this.#pageReads ?? []) {
      this.#pageReads?.set(surface, names.filter((name) => name !== server));
    }
  }
}

/** The memories of all scopes. */
export interface Scopes {
  of(scope: string): ScopeMemory;
  server(scope: string, server: string): ServerMemory;
  /** The last good lists of a server, for callers with the same extensions as this one. */
  lists(caller: Caller, server: string): Map<ListKind, readonly JsonObject[]>;
  /** Remembers where a URI came from. */
  saw(scope: string, uri: OfferedUri, owner: UriOwner): void;
  /** Remembers the server of a page that a listed tool names. */
  listedPage(scope: string, uri: OfferedUri, owner: UriOwner): void;
  /** Remembers the server of a skill that no list has. */
  gotSkill(scope: string, folder: SkillFolder): void;
  /** Remembers that the scope read a page of this server. */
  readPage(scope: string, surface: string, server: string): void;
  /** The servers whose pages the scope read on a surface, last read first. */
  pageReaders(scope: string, surface: string): readonly string[];
  /** Remembers which server runs a task. */
  ran(scope: string, taskId: string, server: string): void;
  /** Forgets what scopes know of a server whose configuration changed; subscriptions stay. */
  forgetServer(server: string): void;
  end(scope: string): void;
}

/**
 * Makes the memories. Calls that outlive their scope may bring it back, hence the bound on scopes.
 */
export function createScopes(
  clock: Clock,
  limits: Pick<
    Limits,
    | "listVariantsMax"
    | "nameCharsMax"
    | "pageReadsMax"
    | "seenUriCharsMax"
    | "seenUrisMax"
    | "sessionsMax"
    | "tasksMax"
    | "uriCharsMax"
  >,
): Scopes {
  const scopes = new Map<string, ScopeMemory>();
  const of = (scope: string): ScopeMemory => {
    let memory = scopes.get(scope);
    if (memory === undefined) {
      memory = new ScopeMemory();
      putWithin(scopes, scope, memory, limits.sessionsMax);
    }
    return memory;
  };
  const ofServer = (scope: string, server: string): ServerMemory => {
    const { servers } = of(scope);
    let memory = servers.get(server);
    if (memory === undefined) {
      memory = { firstAskedAt: clock.monotonic(), answered: false, lists: undefined };
      servers.set(server, memory);
    }
    return memory;
  };
  const bounds = { entriesMax: limits.seenUrisMax, charsMax: limits.seenUriCharsMax };
  // No client can ask for a longer one.
  const isAskable = ({ offered }: OfferedUri): boolean => offered.length <= limits.uriCharsMax;
  return {
    of,
    server: ofServer,
    lists(caller, server) {
      const memory = ofServer(caller.scope, server);
      const lists = memory.lists ??= new Map();
      const variant = variantOf(caller);
      const own = lists.get(variant) ?? new Map<ListKind, readonly JsonObject[]>();
      putWithin(lists, variant, own, limits.listVariantsMax);
      return own;
    },
    saw(scope, uri, owner) {
      if (isAskable(uri)) of(scope).seenUris.putWithin(offeredKey(uri), owner, bounds);
    },
    listedPage(scope, uri, owner) {
      if (isAskable(uri)) of(scope).listedPages.putWithin(offeredKey(uri), owner, bounds);
    },
    gotSkill(scope, folder) {
      if (isAskable(folder)) of(scope).skillFolders.putWithin(offeredKey(folder), folder, bounds);
    },
    readPage(scope, surface, server) {
      const { pageReads } = of(scope);
      const others = (pageReads.get(surface) ?? []).filter((one) => one !== server);
      const servers = [...others, server].slice(-limits.pageReadsMax);
      putWithin(pageReads, surface, servers, limits.pageReadsMax);
    },
    pageReaders: (scope, surface) => of(scope).pageReads.get(surface)?.toReversed() ?? [],
    ran(scope, taskId, server) {
      if (taskId.length > limits.nameCharsMax) return;
      const { tasks } = of(scope);
      putWithin(tasks, taskId, server, limits.tasksMax);
    },
    forgetServer(server) {
      for (const memory of scopes.values()) memory.forgetServer(server);
    },
    end: (scope) => void scopes.delete(scope),
  };
}
