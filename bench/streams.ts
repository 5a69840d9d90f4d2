/**
 * Idle event streams that are held: the memory above that of an idle gateway, and whether each is
 * still there at the end, when the server says that its tools changed. Linux (/proc).
 *
 *   bun bench streams                               deno run -A bench/run.ts streams
 *   … --streams=10000 --minutes=10 --store          the figure; the default is 200 for 2 s
 *   … --listener=hardened --json=FILE
 *   … --peer=NAME                                   at a program of another project
 */
import { connect, type Socket } from "node:net";
import { hostileCommand } from "../test/fault/hostile_command.ts";
import { residentBytes } from "../test/support/processes.ts";
import { startMsMax, until, within } from "../test/support/wait.ts";
import { finish, numberOption, textOption } from "./support/row.ts";
import { openSubject, openSubjectSession } from "./support/subject.ts";

const streams = numberOption("streams", 200);
const seconds = numberOption("minutes", 0) * 60 || numberOption("seconds", 2);
const listener = textOption("listener") ?? "hardened";
const atOnce = 20;
const settleMs = 3_000;
const bytesPerMegabyte = 1024 * 1024;
const megabytesMax = 120;
const listChanged = "notifications/tools/list_changed";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a client of a stream knows of it. */
interface HeldStream {
  readonly socket: Socket;
  isClosed: boolean;
  /** Whether the news of the tools came. */
  isTold: boolean;
}

/** Opens a stream; resolves when the head of the answer is there. */
function openStream(port: number, path: string, id: string): Promise<HeldStream> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const stream: HeldStream = { socket, isClosed: false, isTold: false };
    // Of the text only what may be the beginning of the news is kept.
    let text = "";
    socket.setEncoding("latin1");
    socket.on("error", reject);
    socket.on("close", () => stream.isClosed = true);
    socket.on("data", (chunk) => {
      text = (text + chunk).slice(-10_000);
      if (text.includes(listChanged)) stream.isTold = true;
      if (/^HTTP\/1\.1 200/.test(text)) resolve(stream);
      else if (/^HTTP\/1\.1 [345]/.test(text)) reject(new Error(text));
    });
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n` +
        `Mcp-Session-Id: ${id}\r\n\r\n`,
    );
  });
}

const subject = await openSubject({ kid: { ...hostileCommand(), isolation: "shared" } }, {
  env: { MCP_LISTENER: listener },
});
try {
  const { pathname } = new URL(subject.url);
  const caller = await openSubjectSession(subject.url);
  await pause(settleMs);
  const idle = residentBytes(subject.pid);
  const held: HeldStream[] = [];
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < streams) {
      next += 1;
      const { id } = await openSubjectSession(subject.url);
      held.push(await within("a stream", openStream(subject.port, pathname, id)));
    }
  }));
  await pause(settleMs);
  const grownMegabytes = Math.round((residentBytes(subject.pid) - idle) / bytesPerMegabyte);
  await pause(seconds * 1_000);
  const heldMegabytes = Math.round((residentBytes(subject.pid) - idle) / bytesPerMegabyte);
  await caller.callTool(1, subject.tool("kid", "add_tool"), { name: "news" });
  await until("the news", () => held.every(({ isTold }) => isTold), startMsMax).catch(() => {});
  const closed = held.filter(({ isClosed }) => isClosed).length;
  const untold = held.filter(({ isClosed, isTold }) => !isClosed && !isTold).length;
  for (const { socket } of held) socket.destroy();
  await subject.dispose();
  finish({
    figure: "streams",
    options: { streams, seconds, listener },
    values: { streams: held.length, lost: closed + untold, untold, grownMegabytes, heldMegabytes },
    goals: [
      ["each stream is held and told", closed + untold === 0],
      ["memory stays below its bound", Math.max(grownMegabytes, heldMegabytes) <= megabytesMax],
    ],
  });
} catch (thrown) {
  await subject.dispose();
  throw thrown;
}
