/**
 * What readers that stand still cost (case B12): each opens a session whose own server logs
 * megabytes during a call, reads the head of the answer and nothing more. The gateway's memory may
 * grow by 1 MiB a reader and 50 MB, and another client's calls go on. Linux (/proc).
 *
 *   bun bench stalled                     deno run -A bench/run.ts stalled
 *   … --readers=100 --megabytes=16 --seconds=60     the figure; the default is a light load
 *   … --root=FOLDER                       another copy of this repository, to compare with
 *   … --store, --json=FILE                the row, for a report
 *   … --peer=NAME                         at a program of another project
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { residentBytes } from "../test/support/processes.ts";
import { programCommand, projectDirectory } from "../test/support/spawn_gateway.ts";
import { percentile } from "./e2e/results.ts";
import { finish, numberOption, textOption } from "./support/row.ts";
import { openSubject, openSubjectSession } from "./support/subject.ts";

const readers = numberOption("readers", 10);
const megabytes = numberOption("megabytes", 4);
const seconds = numberOption("seconds", 10);
const bytesPerMegabyte = 1024 * 1024;
const noticesPerMegabyte = 1_024;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Each server leaves a file here when all it said has been read. */
const doneFolder = mkdtempSync(join(tmpdir(), "mcp-wrapper-stalled-"));
const floodsRead = () => readdirSync(doneFolder).length;
/** A slow machine gets so many times the seconds to read all floods. */
const patience = 10;

const root = textOption("root");
const subject = await openSubject({
  flood: {
    command: "sh",
    args: [
      `${projectDirectory}/bench/support/flood_server.sh`,
      String(megabytes * noticesPerMegabyte),
      doneFolder,
    ],
  },
  echo: programCommand("bench/support/echo_server.ts", []),
}, {
  ...(root !== undefined && { root }),
  ...(process.env["LAUNCHER"] !== undefined && { launcher: [process.env["LAUNCHER"]] }),
});
/** What the client that keeps up calls: a peer has one server alone. */
const [wellServer, wellTool] = subject.isPeer ? ["flood", "quiet"] : ["echo", "echo"];
const headers = {
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
};

async function openSession(server: string): Promise<{ url: string; id: string }> {
  const url = subject.isPeer
    ? subject.url
    : subject.url.replace(/\/mcp$/, `/servers/${server}/mcp`);
  return { url, id: (await openSubjectSession(url)).id };
}

const callOf = (id: number, name: string) =>
  JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: {} } });

/** Calls `flood` and reads the head of the answer alone. */
function stall({ url, id }: { url: string; id: string }): Promise<Socket> {
  const { port, pathname } = new URL(url);
  const body = callOf(1, "flood");
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), "127.0.0.1", () => {
      const lines = [`POST ${pathname} HTTP/1.1`, `host: 127.0.0.1:${port}`];
      lines.push(...Object.entries(headers).map(([name, value]) => `${name}: ${value}`));
      lines.push(`mcp-session-id: ${id}`, `content-length: ${body.length}`, "", body);
      socket.write(lines.join("\r\n"));
    });
    socket.once("data", () => {
      socket.pause();
      resolve(socket);
    });
    socket.once("error", reject);
  });
}

/** A call whose answer is read; in milliseconds. */
async function call({ url, id }: { url: string; id: string }, tool: string): Promise<number> {
  const begun = performance.now();
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "mcp-session-id": id },
    body: callOf(0, tool),
  });
  const text = await response.text();
  if (!text.includes('"result"')) throw new Error(`A call of ${tool} failed: ${text}`);
  return performance.now() - begun;
}

/** Milliseconds of each call of a client that keeps up, for a time, and until something is over. */
async function healthy(
  session: { url: string; id: string },
  ms: number,
  isOver = () => true,
): Promise<number[]> {
  const took: number[] = [];
  const begun = performance.now();
  const passed = () => performance.now() - begun;
  while (passed() < ms || (!isOver() && passed() < patience * ms)) {
    took.push(await call(session, wellTool));
    await pause(20);
  }
  return took;
}

async function dispose(): Promise<void> {
  await subject.dispose();
  rmSync(doneFolder, { recursive: true });
}

try {
  const well = await openSession(wellServer);
  await healthy(well, 1_000);
  const sessions = [];
  for (let at = 0; at < readers; at += 1) {
    const session = await openSession("flood");
    // Its server starts before the measurement.
    await call(session, "quiet");
    sessions.push(session);
  }
  const alone = percentile(await healthy(well, 2_000), 0.99);
  const before = residentBytes(subject.pid);
  let most = before;
  const sampling = setInterval(() => most = Math.max(most, residentBytes(subject.pid)), 100);
  const stalled = Promise.all(sessions.map(stall));
  const areRead = () => floodsRead() === readers;
  const beside = percentile(await healthy(well, seconds * 1_000, areRead), 0.99);
  const sockets = await stalled;
  clearInterval(sampling);
  for (const socket of sockets) socket.destroy();
  const grownMegabytes = Math.round((most - before) / bytesPerMegabyte);
  const read = floodsRead();
  await dispose();
  finish({
    figure: "stalled_readers",
    options: { readers, megabytes, seconds },
    values: {
      // Fewer than the readers: the figure is not that of the whole flood.
      floodsRead: read,
      grownMegabytes,
      goalMegabytes: readers + 50,
      healthyAloneMs: Number(alone.toFixed(2)),
      healthyBesideMs: Number(beside.toFixed(2)),
    },
    goals: [["memory stays below its bound", grownMegabytes <= readers + 50]],
  });
} catch (thrown) {
  await dispose();
  throw thrown;
}
