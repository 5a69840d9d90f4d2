/** What the gateway's memory grows by for clients that hold something open and do nothing. */
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { initialize, jsonHeaders } from "../../test/support/http_harness.ts";
import { residentBytes } from "../../test/support/processes.ts";
import { announcement, openSlowSocket } from "../../test/support/slow_sockets.ts";
import type { SpawnedGateway } from "../../test/support/spawn_gateway.ts";

type Measured = Pick<SpawnedGateway, "url" | "port" | "pid">;

/** The memory settles for as long before it is read. */
const settleMs = 2_500;
const atOnce = 20;
const announcedBytes = 4_000_000;
/** Streams that come and go before the measurement: what the first ones load is no cost of one. */
const warmStreams = 500;
const goalBytesPerStream = 12_000;
/** What a process has open besides streams. */
const otherFiles = 200;
/** Two heartbeats, and the time that a busy machine may add. */
const silentMs = 45_000;

async function settled(pid: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  return residentBytes(pid);
}

/** Clients that announce a large body each, of which six bytes come. */
export async function announceBodies({ url, port, pid }: Measured, count: number) {
  // What the first request loads is no sign of what a body costs.
  await openSessions(url, atOnce);
  const before = await settled(pid);
  for (let opened = 0; opened < count; opened += 1) {
    await openSlowSocket(port, { first: announcement(announcedBytes) }, settleMs);
  }
  const grownBytes = await settled(pid) - before;
  return { bodies: count, announcedBytes, grownBytes };
}

/** How many streams are held, and for how long. */
export interface HeldStreams {
  readonly count: number;
  readonly minutes: number;
}

/**
 * Sessions first, then an idle event stream of each, which are held. The memory is compared with that
 * of a gateway that has served some streams before and holds none. A stream is lost when its
 * connection ends, or when no heartbeat came for longer than two of them.
 */
export async function measureStreams(
  { url, port, pid }: Measured,
  { count, minutes }: HeldStreams,
) {
  assertOpenFiles(count);
  const startBytes = await settled(pid);
  const warm = await openStreams(port, await openSessions(url, warmStreams));
  for (const { socket } of warm) socket.destroy();
  const idleBytes = await settled(pid);
  const sessions = await openSessions(url, count);
  const withSessions = await settled(pid);
  const streams = await openStreams(port, sessions);
  const withStreams = await settled(pid);
  const held = await hold(pid, streams, minutes);
  return {
    streams: count,
    minutes,
    startBytes,
    idleBytes,
    bytesPerSession: Math.round((withSessions - idleBytes) / count),
    bytesPerStream: Math.round((withStreams - withSessions) / count),
    ...held,
    grownMegabytes: Math.round((held.endBytes - idleBytes) / 1e6),
    goalMegabytes: Math.round(goalBytesPerStream * count / 1e6),
  };
}

/** Both this program and the gateway need a file for each stream. */
function assertOpenFiles(count: number): void {
  const limits = readFileSync("/proc/self/limits", "utf8");
  const allowed = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  const needed = count + otherFiles;
  if (allowed >= needed) return;
  throw new Error(
    `Cannot hold ${count} streams: this shell allows ${allowed} open files, and ${needed} are ` +
      `needed; run "ulimit -n ${needed}" first, or hold fewer by --streams=N`,
  );
}

/** Watches the streams for a time; returns how many were lost, and the memory meanwhile. */
async function hold(pid: number, streams: readonly OpenStream[], minutes: number) {
  const end = performance.now() + minutes * 60_000;
  let mostBytes = await settled(pid);
  let endBytes = mostBytes;
  while (performance.now() < end) {
    endBytes = await settled(pid);
    mostBytes = Math.max(mostBytes, endBytes);
  }
  const now = performance.now();
  const isSilent = ({ heardAt }: OpenStream) => now - heardAt > silentMs;
  return {
    lost: streams.filter((stream) => stream.isClosed || isSilent(stream)).length,
    mostBytes,
    endBytes,
  };
}

async function openSessions(url: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  const body = JSON.stringify(initialize("2025-11-25"));
  const open = async () => {
    const response = await fetch(`${url}/mcp`, { method: "POST", headers: jsonHeaders, body });
    await response.text();
    return response.headers.get("mcp-session-id") ?? "";
  };
  while (ids.length < count) {
    const next = Math.min(atOnce, count - ids.length);
    ids.push(...await Promise.all(Array.from({ length: next }, open)));
  }
  return ids;
}

/** An event stream, and when it said something last. */
interface OpenStream {
  readonly socket: Socket;
  heardAt: number;
  isClosed: boolean;
}

async function openStreams(port: number, ids: readonly string[]): Promise<OpenStream[]> {
  const streams: OpenStream[] = [];
  for (let next = 0; next < ids.length; next += atOnce) {
    const some = ids.slice(next, next + atOnce).map((id) => openStream(port, id));
    streams.push(...await Promise.all(some));
  }
  return streams;
}

/** Resolves when the stream has said what it says at first. */
function openStream(port: number, id: string): Promise<OpenStream> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const stream: OpenStream = { socket, heardAt: performance.now(), isClosed: false };
    let text: string | undefined = "";
    socket.on("error", reject);
    socket.on("close", () => {
      stream.isClosed = true;
      if (text !== undefined) reject(new Error(`A stream was refused: ${text}`));
    });
    socket.on("data", (chunk) => {
      stream.heardAt = performance.now();
      if (text === undefined) return;
      text += String(chunk);
      if (!text.includes("connection_established")) return;
      text = undefined;
      resolve(stream);
    });
    socket.write(
      "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n" +
        `Mcp-Session-Id: ${id}\r\n\r\n`,
    );
  });
}
