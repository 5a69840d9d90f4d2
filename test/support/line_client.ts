/**
 * A client of `mcp-wrapper stdio` that writes and reads lines itself: a test says exactly what goes
 * in, and sees all that comes out.
 */
import { type RunningCli, startCli } from "./run_cli.ts";
import { startMsMax, until } from "./wait.ts";

/** One message. */
export interface Line {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** The client. */
export interface LineClient {
  readonly running: RunningCli;
  /** Every line so far; throws if one is no JSON. */
  lines(): Line[];
  send(message: unknown): void;
  notify(method: string, params?: object): void;
  /** Sends a request; resolves with the line that answers it. */
  ask(method: string, params?: object): Promise<Line>;
  /** Sends a request without waiting; returns its id. */
  begin(method: string, params?: object): number;
  /** The first line that fits. */
  line(what: string, fits: (line: Line) => boolean): Promise<Line>;
  /** The line that answers a request. */
  answer(id: unknown): Promise<Line>;
  /** Opens a session. */
  open(revision?: string): Promise<Line>;
  /** Closes its stdin and resolves with its exit code. */
  leave(): Promise<number | null>;
}

/** A client that has begun. */
export function lineClient(
  cwd: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): LineClient {
  return toLineClient(startCli(["stdio", ...args], { cwd, env }));
}

/** The client of a command that runs. */
export function toLineClient(running: RunningCli): LineClient {
  let last = 0;
  const lines = (): Line[] =>
    running.stdout().split("\n").slice(0, -1).map((text) => JSON.parse(text));
  const send = (message: unknown) =>
    running.write(typeof message === "string" ? message : `${JSON.stringify(message)}\n`);
  const begin = (method: string, params: object = {}): number => {
    send({ jsonrpc: "2.0", id: ++last, method, params });
    return last;
  };
  const line = (what: string, fits: (line: Line) => boolean) =>
    until(what, () => lines().find(fits), startMsMax).catch((thrown) => {
      throw new Error(`${thrown}\n${running.stdout()}\n${running.stderr()}`);
    });
  const answer = (id: unknown) =>
    line(`the answer to ${id}`, (found) => found.id === id && found.method === undefined);
  const notify = (method: string, params: object = {}) => send({ jsonrpc: "2.0", method, params });
  return {
    running,
    lines,
    send,
    notify,
    begin,
    line,
    answer,
    ask: (method, params) => answer(begin(method, params)),
    async open(protocolVersion = "2025-11-25") {
      const clientInfo = { name: "lines", version: "1" };
      const opened = await answer(
        begin("initialize", { protocolVersion, capabilities: {}, clientInfo }),
      );
      notify("notifications/initialized");
      return opened;
    },
    async leave() {
      running.closeInput();
      return (await running.ended).code;
    },
  };
}

/** The `_meta` of a request without a session. */
export const envelope = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "lines", version: "1" },
};
