/**
 * The machine around the command line: terminals, files with their modes, other processes. One
 * implementation, `node_system.ts`, serves every runtime. The gateway itself uses `Runtime` alone.
 * Types only.
 */

/** An output of the program. */
export type OutputName = "stdout" | "stderr";

/** A file as the system describes it; symbolic links are followed. */
export interface FileFacts {
  readonly kind: "file" | "folder" | "other";
  /** The same for one file under any name, and different for two. */
  readonly id: string;
  /** The permission bits, such as 0o600. */
  readonly mode: number;
  readonly bytes: number;
  readonly modifiedAt: number;
  /** The path without symbolic links. */
  readonly realPath: string;
  /** Whether the account that runs this program owns it; true where the system has no owners. */
  readonly isOwn: boolean;
  /** Whether it is a folder in which every account may make files, such as /tmp. */
  readonly isForAll: boolean;
}

/** How a program is run to its end. */
export interface RunOptions {
  readonly args: readonly string[];
  /** The whole environment of the program. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string | undefined;
  /** Written to its stdin, which is then closed. Absent: its stdin is empty. */
  readonly input?: string | undefined;
  /** After this it is killed. */
  readonly withinMs: number;
  /** Output beyond this is dropped, of each stream. */
  readonly outputBytesMax: number;
}

/** How a program ended. `code` is null if a signal or its deadline ended it. */
export interface RunOutcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isLate: boolean;
}

/** How to start a program that goes on after this one has ended. */
export interface DetachOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Receives both its outputs; appended to, mode 0600. */
  readonly outputPath: string;
}

/** A server that speaks TLS. */
export interface TlsServer {
  readonly host: string;
  readonly port: number;
  readonly withinMs: number;
}

/** The machine. */
export interface System {
  /** As Node names it: linux, darwin, win32 and others. */
  readonly platform: string;
  /** Empty if the account has none. */
  readonly homeFolder: string;
  readonly pid: number;
  /** The present parent; it changes when the first one ends. */
  parentPid(): number;
  isTerminal(stream: "stdin" | OutputName): boolean;
  /** The width of the terminal in columns; undefined if stdout is none. */
  columns(): number | undefined;
  /** Whether a terminal at stdin sends each key at once and shows none; elsewhere nothing happens. */
  setRawInput(isRaw: boolean): void;
  /** The bytes of stdin, once. */
  stdin(): ReadableStream<Uint8Array>;
  /** Resolves when the text has left this program; rejects with the code EPIPE if its reader ended. */
  write(stream: OutputName, text: string): Promise<void>;
  /** Undefined if there is nothing at the path. */
  describe(path: string): FileFacts | undefined;
  /** At most so many bytes of a file from an offset on; undefined if there is no such file. */
  readPart(path: string, offset: number, bytesMax: number): Promise<Uint8Array | undefined>;
  /** The bytes of a file; undefined if there is nothing at the path. */
  readBytes(path: string): Promise<Uint8Array | undefined>;
  /**
   * When the certificate that a server shows ends, as milliseconds since 1970; undefined if that
   * cannot be found out in time. Whether the certificate is trusted is not checked.
   */
  certificateEnd(server: TlsServer): Promise<number | undefined>;
  /** Whether this account can make and change files in a folder. */
  canWrite(folder: string): boolean;
  /** What this account may still write on the disk of a path; undefined if that is unknown. */
  freeBytes(path: string): number | undefined;
  /** The names in a folder, sorted; empty if there is no such folder. */
  list(folder: string): readonly string[];
  /** Makes a folder and its parents. */
  makeFolder(path: string, mode: number): void;
  setMode(path: string, mode: number): void;
  /** Replaces or creates a file by a rename; symbolic links stay and their target is replaced. */
  replaceFile(path: string, text: string, mode: number): Promise<void>;
  removeFile(path: string): void;
  isAlive(pid: number): boolean;
  /** False if there is no such process. */
  signal(pid: number, name: "SIGTERM" | "SIGKILL" | "SIGHUP"): boolean;
  /** Rejects with the code ENOENT or EACCES if the program cannot be started. */
  run(command: string, options: RunOptions): Promise<RunOutcome>;
  /** Starts a program in a session of its own; returns its process id. Throws as `run` rejects. */
  detach(command: string, options: DetachOptions): number;
}
