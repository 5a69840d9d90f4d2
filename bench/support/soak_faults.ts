/** The faults of `bench soak`: what each does, and the order in which a seed lets them come. */
import { openRawSocket } from "../../test/support/raw_socket.ts";
import { openRpcSession, type RpcSession } from "../../test/support/rpc_session.ts";
import type { SoakRemote } from "./soak_remote.ts";

/** What a fault strikes. The servers `struck` and `struck-far` are not used by unaffected calls. */
export interface FaultScene {
  readonly url: string;
  readonly port: number;
  readonly remote: SoakRemote;
}

/** Clients that leave at once. */
const leaving = 5;
/** A slow server answers after this time, for as long as that. */
const slowMs = 2_000;

/** A call of a tool that goes wrong; what it answers, and whether, does not matter. */
async function strike({ url }: FaultScene, tool: string, args: Record<string, unknown>) {
  const session = await openRpcSession(`${url}/mcp`);
  await session.request(1, "tools/call", { name: `struck__${tool}`, arguments: args })
    .catch(() => {});
  await session.end().catch(() => {});
}

/** Opens a stream and a call that lasts for `ms`, and cuts both connections. */
export async function leaveCall(
  port: number,
  session: RpcSession,
  tool: string,
  ms: number,
): Promise<void> {
  const headers = `Host: localhost\r\nMcp-Session-Id: ${session.id}\r\n` +
    "MCP-Protocol-Version: 2025-11-25\r\n";
  const body = JSON.stringify({
    ...{ jsonrpc: "2.0", id: "gone", method: "tools/call" },
    params: { name: tool, arguments: { ms } },
  });
  const requests = [
    `GET /mcp HTTP/1.1\r\n${headers}Accept: text/event-stream\r\n\r\n`,
    `POST /mcp HTTP/1.1\r\n${headers}Accept: application/json, text/event-stream\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  ];
  const sockets = await Promise.all(requests.map(async (bytes) => {
    const socket = await openRawSocket(port);
    socket.send(bytes);
    return socket;
  }));
  await sockets[0]?.waitFor(/^HTTP\/1\.1 \d+/);
  for (const socket of sockets) socket.destroy();
}

/** Each fault, by its name. */
const faults: Readonly<Record<string, (scene: FaultScene) => Promise<void>>> = {
  "a program is killed": (scene) => strike(scene, "crash", { how: "SIGKILL" }),
  "a line without end": (scene) => strike(scene, "bad", { how: "endless-line" }),
  "connections are cut": ({ remote }) => Promise.resolve(remote.cut()),
  async "a server is slow"({ remote }) {
    remote.delay(slowMs);
    await new Promise((resolve) => setTimeout(resolve, slowMs));
    remote.delay(0);
  },
  async "clients leave"(scene) {
    const sessions = await Promise.all(
      Array.from({ length: leaving }, () => openRpcSession(`${scene.url}/mcp`)),
    );
    await Promise.all(
      sessions.map((session) => leaveCall(scene.port, session, "struck__slow", slowMs)),
    );
    // They do not end their sessions in the moment, but before the next run of this fault.
    await new Promise((resolve) => setTimeout(resolve, slowMs));
    await Promise.all(sessions.map((session) => session.end().catch(() => {})));
  },
};

/** The names of the faults. */
export const faultNames: readonly string[] = Object.keys(faults);

/** The names in an order that a seed repeats: each once before any comes again. */
export function* faultOrder(random: () => number): Generator<string, never> {
  for (;;) {
    const left = [...faultNames];
    while (left.length > 0) yield left.splice(Math.floor(random() * left.length), 1)[0] ?? "";
  }
}

/** Lets a fault happen; resolves when it is over. */
export const happen = (name: string, scene: FaultScene): Promise<void> =>
  faults[name]?.(scene) ?? Promise.reject(new Error(`Unknown fault "${name}"`));
