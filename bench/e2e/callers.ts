/**
 * The kinds of work whose cost is measured. A caller does one piece of work at a time, checks what
 * came of it and records how long it took; a scenario runs many callers at once.
 */
import { toolNames } from "../support/echo_tools.ts";
import { largeResult, type LargeShape } from "../support/large_results.ts";
import {
  assertAnswer,
  type Connection,
  connectionTo,
  type Endpoint,
  endSession,
  type Json,
  openSession,
  send,
} from "./rpc_client.ts";

/** One caller of a scenario. */
export interface Caller {
  /** Does one piece of work and records the milliseconds of each unit; rejects if it went wrong. */
  work(record: (ms: number) => void): Promise<void>;
  /** Cleans up after a load, outside of what is measured. */
  settle?(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the caller with this number at a target. */
export type OpenCaller = (endpoint: Endpoint, number: number) => Promise<Caller>;

/** One call: the tool as the target offers it, and what its result must hold. */
interface Call {
  readonly name: string;
  readonly args: Json;
  readonly meta?: Json;
  readonly members: Json;
}

/** Each session counts its ids, so equal ids are open at once; the label tells calls apart. */
const labelOf = (number: number, id: number) => `caller ${number}, call ${id}`;

const echoOf = (server: string, args: Json): Json => ({
  content: [{ type: "text", text: JSON.stringify({ server, ...args }) }],
});

async function call(connection: Connection, id: number, { name, args, meta, members }: Call) {
  const named = `${connection.toolPrefix}${name}`;
  const params = { name: named, arguments: args, ...(meta && { _meta: meta }) };
  const { messages } = await send(connection, { id, method: "tools/call", params });
  assertAnswer(messages.at(-1), id, members);
  return messages.slice(0, -1);
}

/** A session that makes one call after the other. */
function sessionCaller(
  callOf: (label: string, id: number) => Call,
  check: (notices: readonly Json[], asked: Call) => void = () => {},
): OpenCaller {
  return async (endpoint, number) => {
    const connection = await openSession(endpoint, 0);
    let id = 0;
    return {
      async work(record) {
        const own = id += 1;
        const begun = performance.now();
        const asked = callOf(labelOf(number, own), own);
        const notices = await call(connection, own, asked);
        record(performance.now() - begun);
        check(notices, asked);
      },
      close: () => endSession(connection),
    };
  };
}

/** Calls of the tool `echo`. */
export const echoCaller: OpenCaller = sessionCaller((text) => ({
  name: "echo",
  args: { text },
  members: echoOf("echo", { text }),
}));

/** Calls of the tool `echo` of several servers in turn, by the prefixed name. */
export const prefixedCaller = (servers: readonly string[]): OpenCaller =>
  sessionCaller((text, id) => {
    const server = servers[id % servers.length] ?? "";
    return { name: `${server}__echo`, args: { text }, members: echoOf(server, { text }) };
  });

/** Calls whose result is large. */
export const largeCaller = (shape: LargeShape): OpenCaller =>
  sessionCaller((text) => {
    const args = { shape, text };
    const label = JSON.stringify({ server: "echo", ...args });
    return { name: "large", args, members: { ...largeResult(shape, label) } };
  });

/** Calls that report this many steps before their result. */
export const progressCaller = (steps: number): OpenCaller =>
  sessionCaller(
    (text) => ({
      name: "progress",
      args: { steps, text },
      meta: { progressToken: text },
      members: echoOf("echo", { steps, text }),
    }),
    (notices, { meta }) => {
      const reported = notices.map(({ method, params }) => {
        const { progressToken, progress } = params as Json;
        return method === "notifications/progress" && progressToken === meta?.["progressToken"]
          ? progress
          : undefined;
      });
      if (reported.length === steps && reported.every((step, at) => step === at + 1)) return;
      throw new Error(`Wrong progress of "${meta?.["progressToken"]}": ${reported}`);
    },
  );

/** Lists of the tools of several servers. */
export const listCaller = (servers: readonly string[]): OpenCaller => {
  const expected = servers.flatMap((server) => toolNames.map((name) => `${server}__${name}`))
    .toSorted().join();
  return async (endpoint) => {
    const connection = await openSession(endpoint, 0);
    let id = 0;
    return {
      async work(record) {
        const own = id += 1;
        const begun = performance.now();
        const { messages } = await send(connection, { id: own, method: "tools/list" });
        assertAnswer(messages.at(-1), own, {});
        record(performance.now() - begun);
        const { tools } = messages.at(-1)?.["result"] as { tools: { name: string }[] };
        const names = tools.map(({ name }) => name).toSorted().join();
        if (names !== expected) throw new Error(`Wrong list: got ${names}, expected ${expected}`);
      },
      close: () => endSession(connection),
    };
  };
};

const modernRevision = "2026-07-28";
const envelope = {
  "io.modelcontextprotocol/protocolVersion": modernRevision,
  "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** Calls of `echo` by a client without a session. */
export const modernCaller: OpenCaller = (endpoint, number) => {
  const connection = connectionTo(endpoint, {
    "mcp-protocol-version": modernRevision,
    "mcp-method": "tools/call",
    "mcp-name": "echo",
  });
  let id = 0;
  return Promise.resolve({
    async work(record) {
      const own = id += 1;
      const args = { text: labelOf(number, own) };
      const begun = performance.now();
      await call(connection, own, {
        name: "echo",
        args,
        meta: envelope,
        members: echoOf("echo", args),
      });
      record(performance.now() - begun);
    },
    close: () => Promise.resolve(),
  });
};

/** Handshakes: `initialize` and `notifications/initialized`; the sessions end after each load. */
export const handshakeCaller: OpenCaller = (endpoint, number) => {
  const opened: Connection[] = [];
  const settle = async () => {
    for (let one = opened.pop(); one !== undefined; one = opened.pop()) await endSession(one);
  };
  let id = 0;
  return Promise.resolve({
    async work(record) {
      const begun = performance.now();
      opened.push(await openSession(endpoint, number * 1_000_000 + (id += 1)));
      record(performance.now() - begun);
    },
    settle,
    close: settle,
  });
};

/** The call that makes the server tell every client that its tools changed. */
export async function announce(connection: Connection, id: number): Promise<void> {
  const args = { text: `announcement ${id}` };
  await call(connection, id, { name: "announce", args, members: echoOf("echo", args) });
}
