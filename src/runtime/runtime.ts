/**
 * The interface to the platform: everything that the gateway needs from a runtime beyond web
 * standards. `bun.ts`, `deno.ts` and `node.ts` implement it, member for member, in this order; tests
 * implement it with faults. Types only.
 */
import type { Limits } from "../limits.ts";

/** What a listener knows of a request in addition to the `Request`. */
export interface FetchContext {
  /**
   * The source address of the connection: the client's own, or that of a proxy in front. For audit,
   * and for deciding whether to trust a proxy's headers. Looked up only when read, because that
   * takes time; absent or undefined if unknown, for example after the client has left.
   */
  readonly remoteAddress?: string | undefined;
  /** Tells the listener not to end this response if it is silent for long. */
  readonly holdOpen?: () => void;
  /** Until the response's head is sent, this listener may not notice that the client has left. */
  readonly disconnectHidden?: boolean;
  /**
   * Takes the body of the response, which then has none of its own. Absent where the listener reads
   * the response's body, a web stream, which takes more memory than an idle stream should.
   */
  readonly write?: ((body: WrittenBody) => void) | undefined;
}

/** The body of a response that is written as it comes. */
export interface WrittenBody {
  /** The head is sent: from now on the body writes to the outlet. */
  open(outlet: BodyOutlet): void;
  /** Everything was sent after the outlet's `end`. */
  sent(): void;
  /** The client has left. */
  left(): void;
}

/** Where the bytes of such a body go. Nothing fails here: `left` says that the client has left. */
export interface BodyOutlet {
  write(bytes: Uint8Array): void;
  /** Bytes that wait for the client. */
  queuedBytes(): number;
  /** Ends the body after what was written. */
  end(): void;
}

/** A plain fetch handler. */
export type FetchHandler = (request: Request, context?: FetchContext) => Promise<Response>;

/**
 * The limits of a listener: how long a client may take to send its head and its whole request, and
 * may leave its answer unread, how often that is checked, the size of a head, and the size of a body
 * if the options do not set it.
 * `hardened` enforces all but the last. A `fast` listener enforces what its runtime can: Bun's
 * closes a connection that is silent after its head for `headersMs`, or whose client reads nothing
 * of a held answer for `unreadMs` (in steps of 4 s, 255 s at most); Deno's has no limits of its own;
 * Node's enforces them all.
 */
export type ListenerLimits = Pick<
  Limits,
  | "headersMs"
  | "bodyMs"
  | "unreadMs"
  | "sentPieceBytes"
  | "slowCheckMs"
  | "headerBytesMax"
  | "listenerBodyBytesMax"
  | "drainCheckMs"
  | "listenerReopenMs"
>;

/** How soon an edited file is reported, and how often it is checked. */
export type WatchLimits = Pick<Limits, "watchSettleMs" | "watchPollMs">;

/** How to listen. `fast` is the runtime's own server; `hardened` has deadlines for slow clients. */
export interface ServeOptions {
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly listener: "fast" | "hardened";
  /** The largest body that reaches the handler, if the runtime has its own limit. */
  readonly bodyBytesMax?: number | undefined;
  /** Limits that differ from the defaults. */
  readonly limits?: Partial<ListenerLimits>;
  /** The variables that set the address, for error texts. Absent: MCP_HOST and MCP_PORT. */
  readonly variables?: { readonly host: string; readonly port: string } | undefined;
  readonly fetch: FetchHandler;
}

/** Thrown by `serve`; the message is for the operator. */
export interface ListenFault extends Error {
  /** Another program listens on the address. */
  readonly isTaken: boolean;
}

/** An open listener. */
export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /**
   * Stops accepting, waits for running requests up to `graceMs`, then cuts what is left. Connections
   * without a request, or with half a head, are cut at once.
   */
  close(graceMs: number): Promise<void>;
}

/** A command to run; `env` is the whole environment of the child. */
export interface SpawnOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
}

/** How a child ended: exactly one of the two is not null. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

/** The stdin of a child. What is written arrives in the order of the calls. */
export interface ChildInput {
  /**
   * Writes a text; undefined if it takes more at once. A promise resolves when there is room again,
   * and rejects with the code EPIPE once the child has ended or closed its stdin.
   */
  write(text: string): Promise<void> | undefined;
  /** Ends it after what was written. */
  close(): void;
}

/** A running child in a session and process group of its own; `pid` is also the group's id. */
export interface Child {
  readonly pid: number;
  readonly stdin: ChildInput;
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Resolves when the process itself exits, even if a grandchild still holds its pipes. */
  readonly exited: Promise<ExitStatus>;
}

/** Thrown by `spawn`. `permanent`: a retry without a change cannot help (ENOENT, EACCES). */
export interface SpawnFault extends Error {
  readonly code: string;
  readonly permanent: boolean;
  /** The working directory does not exist. */
  readonly folderMissing: boolean;
}

/** A value that SQLite stores. */
export type SqlValue = string | number | null | Uint8Array;

/** A prepared statement; parameters are positional. */
export interface SqlStatement {
  run(...values: SqlValue[]): { readonly changes: number };
  get(...values: SqlValue[]): Record<string, SqlValue> | undefined;
  all(...values: SqlValue[]): Record<string, SqlValue>[];
}

/**
 * An open database. Faults are thrown as `Error` with the numeric SQLite result code in
 * `sqliteCode`.
 */
export interface SqlDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqlStatement;
  close(): void;
}

/** An append-only text file that rotates itself. */
export interface LogFile {
  /**
   * Appends one line, or several with newlines between them. Never throws; resolves when the system
   * has the text, with false if it did not take it.
   */
  append(text: string): Promise<boolean>;
  close(): Promise<void>;
}

/** One outgoing HTTP request; the runtime does not follow redirects, retry, decode or store. */
export interface OutgoingRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  /** Aborts the request, and its response's body, at any time. */
  readonly signal: AbortSignal;
  /** Time for the connection, including name look-up and TLS. */
  readonly connectMs: number;
  /**
   * Whether the gateway may connect to this IP address. The connection goes to the checked address.
   */
  readonly allowAddress: (address: string) => boolean;
}

/** The head of a response, and its body as it arrives. */
export interface OutgoingResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array>;
}

/** Why there is no response. `sent`: the request may have reached the server. */
export interface RequestFault extends Error {
  /** `forbidden`: no address of the host is allowed. */
  readonly kind:
    | "forbidden"
    | "unknown_host"
    | "connect"
    | "timeout"
    | "tls"
    | "broken"
    | "aborted";
  readonly sent: boolean;
}

/** Signals that stop or reload a program. */
export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Collects garbage on demand: runtimes notice late how much memory of floods could be freed. */
export interface GarbageCollector {
  /** Collects it now, which stops all else. */
  collect(): void;
  /** The limit on the growth of memory from which that pays. */
  readonly growth: "floodGrowthBytes" | "floodGrowthLargeBytes";
}

/** The platform. */
export interface Runtime {
  /** For the log: name and version. */
  readonly name: string;
  /** Rejects with a ListenFault if the address is in use or not allowed. */
  serve(options: ServeOptions): Promise<Listener>;
  /** Throws a SpawnFault. */
  spawn(options: SpawnOptions): Child;
  /** Sends a signal to a process group; false if no such group exists. */
  signalGroup(groupId: number, signal: "SIGTERM" | "SIGKILL"): boolean;
  /** Makes an HTTP call to a checked address. Rejects with a RequestFault. */
  request(options: OutgoingRequest): Promise<OutgoingResponse>;
  /** Opens or creates a database file with mode 0600 (`:memory:` for none). */
  openDatabase(path: string): SqlDatabase;
  /** Whether there is a file or folder at a path. */
  exists(path: string): boolean;
  /** The size of a file; undefined if there is none, or the system does not say. */
  bytesOf(path: string): number | undefined;
  /**
   * Which file a path names: equal for all names of one file, and different for any two files that
   * this machine has at the same time. Undefined if there is none, or the system does not say.
   */
  fileId(path: string): string | undefined;
  /**
   * Opens a log file and its folder; at `bytesMax` it is renamed to `.1` and so on up to
   * `filesMax`.
   */
  openLog(path: string, bounds: { bytesMax: number; filesMax: number }): LogFile;
  /** The text of a file; undefined if there is none. Throws on other faults. */
  readText(path: string): Promise<string | undefined>;
  /** Writes a file that only its owner may read, atomically, and makes its folder. */
  writeText(path: string, text: string): Promise<void>;
  /**
   * Makes a file that only its owner may read, and its folder, at once; false if there is a file
   * already. Of several processes, one succeeds. Throws on other faults.
   */
  createText(path: string, text: string): boolean;
  /** Renames a file and replaces an existing one; false if there is no such file. */
  rename(from: string, to: string): boolean;
  /** Removes a file if there is one. */
  remove(path: string): void;
  /** Calls back after a file was changed, created, replaced or removed, until closed. */
  watch(path: string, onChange: () => void, limits?: WatchLimits): { close(): void };
  /** The IP addresses of this machine's network interfaces at the moment. */
  addresses(): readonly string[];
  /** The id of this process. */
  readonly pid: number;
  /** The environment at the start. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs once, after all that the event loop has at hand: before any timer that is set now. */
  nextTurn(run: () => void): void;
  readonly garbage: GarbageCollector;
  /** SHA-256 of a text in hex, at once. */
  sha256(text: string): string;
  /** Signs by HMAC-SHA-256 with this key, at once: some bytes after a text. */
  hmacSha256(key: Uint8Array): (text: string, bytes: Uint8Array) => Uint8Array<ArrayBuffer>;
  /** The memory of this process, in bytes: resident, and that of living objects and garbage. */
  memory(): { readonly residentBytes: number; readonly heapBytes: number };
  /** Calls back for each signal until the returned function is called. */
  onSignal(handler: (signal: SignalName) => void): () => void;
}
