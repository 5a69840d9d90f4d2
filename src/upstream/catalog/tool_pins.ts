/**
 * The pins of all servers: which are kept, which changes wait for a person, and their approval. Not
 * here: what becomes of one server's lists (pinned_server.ts).
 */
import type { ServerConfig } from "../../config/config.ts";
import { offersApprovedOnly, pinModeOf } from "../../config/pin_mode.ts";
import { programIdentity } from "../../config/program_identity.ts";
import { RegistryError } from "../../config/registry_error.ts";
import { beginning } from "../../excerpt.ts";
import type { JsonObject } from "../../model.ts";
import { quote } from "../../protocol/quote.ts";
import { showUnseen } from "../../unseen_characters.ts";
import type { ServerPins, StoredChange } from "../pins.ts";
import type { PinDeps, PinnedServer } from "./pin_state.ts";
import { changeId } from "./pinned_changes.ts";
import {
  acceptedTools,
  createPinnedServer,
  forgetServer,
  recallTools,
  seeTools,
  takeStored,
  unreadable,
} from "./pinned_server.ts";
import { fingerprintOf, readDefinition } from "./tool_fingerprint.ts";

/** A change that waits for a person, with the definitions that are known. */
export interface WaitingChange extends StoredChange {
  /** Short, and different for each definition of a tool: who approves says what was looked at. */
  readonly id: string;
  readonly server: string;
  readonly definitionBefore: JsonObject | undefined;
  readonly definition: JsonObject | undefined;
  /** Whether `definition` lacks something of the tool: long ones are cut, or left out. */
  readonly isCut: boolean;
}

/** Which changes of a server are approved. */
export interface ApprovalChoice {
  /** Names of tools. Absent: all. */
  readonly tools?: readonly string[] | undefined;
  /** Ids of changes. Absent: all of these tools. */
  readonly ids?: readonly string[] | undefined;
}

/** The pins of a gateway. */
export interface ToolPins {
  /** The pins for the upstream of a server; undefined if its tools are not compared. */
  of(config: ServerConfig): ServerPins | undefined;
  /** Forgets all servers but these. Never rejects. */
  keep(servers: readonly string[]): Promise<void>;
  /** Takes what another instance has stored of a server, or of all. Never rejects. */
  readAgain(server?: string): Promise<void>;
  /** How many tools of a server have changes that wait. */
  count(server: string): number;
  /** All changes that wait, the oldest first. Rejects when the store cannot be read. */
  changes(): Promise<readonly WaitingChange[]>;
  /**
   * Approves changes; returns the names of the tools. Rejects with a `RegistryError` if one that is
   * named does not wait, or if the approval cannot be stored.
   */
  approve(server: string, choice?: ApprovalChoice): Promise<readonly string[]>;
}

/** What the pins of all servers are made of. */
export interface ToolPinsOptions extends PinDeps {
  /** Keyed digest of a text. */
  readonly digest: (text: string) => Promise<string>;
}

interface PinBook {
  readonly options: ToolPinsOptions;
  readonly servers: Map<string, PinnedServer>;
  /** The names that the configuration has now; undefined: no other ones are forgotten yet. */
  names: Set<string> | undefined;
}

/** Reads the changes that wait. A store that cannot be read is logged, and counts as empty. */
export async function openToolPins(options: ToolPinsOptions): Promise<ToolPins> {
  const { store, logOf } = options;
  const stored = await store.changes().catch((fault) => {
    logOf("").error("Cannot read the changes of tools", { fault });
    return new Map<string, readonly StoredChange[]>();
  });
  const servers = new Map(
    [...stored].map(([name, changes]) => [name, createPinnedServer(name, options, changes)]),
  );
  const book: PinBook = { options, servers, names: undefined };
  return {
    of: (config) => pinsOf(book, config),
    keep: (names) => keep(book, names),
    readAgain: (name) => readAgain(book, name),
    count: (name) => new Set([...waitingOf(book, name)].map(({ tool }) => tool)).size,
    changes: () => listChanges(book),
    approve: (name, choice = {}) => approve(book, name, choice),
  };
}

function waitingOf({ servers }: PinBook, name: string): Iterable<StoredChange> {
  return servers.get(name)?.changes.values() ?? [];
}

function serverOf({ options, servers }: PinBook, name: string): PinnedServer {
  const known = servers.get(name) ?? createPinnedServer(name, options);
  servers.set(name, known);
  return known;
}

function pinsOf(book: PinBook, config: ServerConfig): ServerPins | undefined {
  // A mistake in an entry changes nothing: the server is the same when it is corrected.
  if (config.kind === "failed") return undefined;
  const { name } = config;
  book.names?.add(name);
  const identity = programIdentity(config);
  if (identity === undefined || pinModeOf(config) === "off") {
    void forget(book, [name]);
    return undefined;
  }
  const server = serverOf(book, name);
  const withholds = offersApprovedOnly(config);
  const subject = book.options.digest(identity);
  server.subject = subject;
  /** A fault is a reason to offer nothing where tools are withheld, and else no reason at all. */
  const guarded = <Value>(work: Promise<Value>, otherwise: Value): Promise<Value> =>
    work.catch((fault: unknown) => {
      if (withholds) throw unreadable(name, fault);
      book.options.logOf(name).warn("Cannot compare the tools with those of before", { fault });
      return otherwise;
    });
  return {
    withholds,
    see: async (tools, origin) =>
      await guarded(
        subject.then((known) => seeTools(server, tools, origin, { subject: known, withholds })),
        undefined,
      ),
    async recall(tools, key) {
      if (!withholds) return true;
      return await guarded(subject.then((known) => recallTools(server, tools, key, known)), false);
    },
    offered: (tools) => withholds ? acceptedTools(server, tools) : tools,
    watch(listener) {
      server.listeners.add(listener);
      return () => void server.listeners.delete(listener);
    },
  };
}

async function forget(
  { options: { store, logOf }, servers }: PinBook,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const server = servers.get(name);
    if (server !== undefined) forgetServer(server);
  }
  await store.remove(names).catch((fault) => {
    logOf(names[0] ?? "").warn("Cannot forget the fingerprints of tools", { names, fault });
  });
}

async function keep(book: PinBook, names: readonly string[]): Promise<void> {
  book.names = new Set(names);
  const stored = await book.options.store.servers().catch((): readonly string[] => []);
  // One may have been added again meanwhile.
  const gone = [...new Set([...stored, ...book.servers.keys()])]
    .filter((name) => book.names?.has(name) === false);
  if (gone.length === 0) return;
  await forget(book, gone);
  for (const name of gone) book.servers.delete(name);
}

async function readAgain(book: PinBook, name: string | undefined): Promise<void> {
  const { options: { store, clock, limits, logOf }, servers } = book;
  const concerned = [...servers.values()].filter((one) => name === undefined || one.name === name);
  const begun = new Map(concerned.map((server) => [server, server.revision]));
  try {
    const stored = await store.changes();
    for (const server of concerned) {
      // What was read may lack what a person has approved here meanwhile.
      if (server.revision !== begun.get(server)) {
        await readAgain(book, server.name);
        continue;
      }
      const since = clock.wall() - limits.engineCommandMs;
      if (!takeStored(server, stored.get(server.name) ?? [], since)) continue;
      for (const listener of [...server.listeners]) listener();
    }
  } catch (fault) {
    logOf(name ?? "").warn("Cannot read what another instance accepted of the tools", { fault });
  }
}

async function listChanges(
  { options: { store, limits, sha256 }, servers }: PinBook,
): Promise<readonly WaitingChange[]> {
  const all = [...servers.values()].flatMap(({ name, changes }) =>
    [...changes.values()].map((change) => ({ ...change, server: name }))
  ).sort((one, other) => one.at - other.at);
  const found: WaitingChange[] = [];
  let chars = 0;
  const read = async (server: string, fingerprint: string): Promise<JsonObject | undefined> => {
    if (fingerprint === "" || chars > limits.shownDefinitionCharsMax) return undefined;
    const text = await store.definition(server, fingerprint);
    chars += text?.length ?? 0;
    return text === undefined ? undefined : readDefinition(text);
  };
  for (const change of all) {
    const { server, before, fingerprint } = change;
    const definitionBefore = await read(server, before);
    const definition = await read(server, fingerprint);
    const isWhole = fingerprint === "" ||
      (definition !== undefined && fingerprintOf(definition, sha256) === fingerprint);
    const id = idOf(change, sha256);
    found.push({ ...change, id, definitionBefore, definition, isCut: !isWhole });
  }
  return found;
}

/** As long as is needed to tell the definitions of one tool apart. */
const idChars = 16;

function idOf(change: StoredChange, sha256: (text: string) => string): string {
  return beginning(sha256(changeId(change)), idChars);
}

async function approve(
  book: PinBook,
  name: string,
  { tools, ids }: ApprovalChoice,
): Promise<readonly string[]> {
  const { store, clock, limits, emit, logOf, sha256 } = book.options;
  const server = book.servers.get(name);
  const waiting = [...waitingOf(book, name)]
    .map((change) => ({ change, id: idOf(change, sha256) }));
  assertWaiting(name, "tool", tools, waiting.map(({ change }) => change.tool));
  assertWaiting(name, "change", ids, waiting.map(({ id }) => id));
  const chosen = waiting.filter(({ change, id }) =>
    tools?.includes(change.tool) !== false && ids?.includes(id) !== false
  ).map(({ change }) => change);
  if (server === undefined || chosen.length === 0) return [];
  const at = clock.wall();
  const approved = chosen.map((change) => ({ ...change, at, isApproved: true }));
  // A tool that is approved is one whose next removal is news.
  const there = new Set(approved.filter(({ kind }) => kind !== "removed").map(({ tool }) => tool));
  const stale = [...server.approvals.values()].filter(({ tool, fingerprint }) =>
    fingerprint === "" && there.has(tool)
  );
  const beyond = Math.max(0, server.approvals.size + approved.length - limits.toolApprovalsMax);
  const droppedChanges = [...stale, ...[...server.approvals.values()].slice(0, beyond)];
  await store.update(name, { changes: approved, droppedChanges }).catch((fault) => {
    const reason = fault instanceof Error ? fault.message : String(fault);
    throw new RegistryError("store_unavailable", `Cannot store the approval: ${reason}`, fault);
  });
  for (const change of droppedChanges) server.approvals.delete(changeId(change));
  for (const change of approved) {
    server.changes.delete(changeId(change));
    server.approvals.set(changeId(change), change);
    emit({ type: "tool_approved", server: name, tool: change.tool, change: change.kind });
  }
  server.revision += 1;
  const names = [...new Set(approved.map(({ tool }) => tool))].sort();
  const shown = names.slice(0, limits.correctionItemsMax).map((one) => quote(showUnseen(one)))
    .join(", ");
  const more = names.length - limits.correctionItemsMax;
  logOf(name).info(
    `Approved tools of server ${JSON.stringify(name)}: ${shown}${
      more > 0 ? ` and ${more} more` : ""
    }`,
  );
  for (const listener of [...server.listeners]) listener();
  return names;
}

/** Rejects a name that does not wait, such as that of a definition which has changed since. */
function assertWaiting(
  server: string,
  what: "tool" | "change",
  named: readonly string[] | undefined,
  waiting: readonly string[],
): void {
  const missing = named?.find((one) => !waiting.includes(one));
  if (missing === undefined) return;
  throw new RegistryError(
    "unknown",
    `Cannot approve ${what} ${quote(showUnseen(missing))} of server ${
      JSON.stringify(server)
    }: it is not among ` +
      "the changes that wait now; look at them again",
  );
}
