/** What the gateway's memory grows by for clients that hold something open and do nothing. */
import { connect } from "node:net";
import { initialize, jsonHeaders } from "../../test/support/http_harness.ts";
import { residentBytes } from "../../test/support/processes.ts";
import { announcement, openSlowSocket } from "../../test/support/slow_sockets.ts";
import type { SpawnedGateway } from "../../test/support/spawn_gateway.ts";

type Measured = Pick<SpawnedGateway, "url" | "port" | "pid">;

/** The memory settles for as long before it is read. */
const settleMs = 2_500;
const atOnce = 20;
const rounds = 3;
const announcedBytes = 4_000_000;

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

/** Sessions first, then an idle event stream of each, in three parts: the growth for each stream. */
export async function measureStreams({ url, port, pid }: Measured, count: number) {
  const idleBytes = await settled(pid);
  const sessions = await openSessions(url, count);
  const withSessions = await settled(pid);
  const perStream: number[] = [];
  const part = Math.ceil(count / rounds);
  let before = withSessions;
  for (let at = 0; at < count; at += part) {
    const ids = sessions.slice(at, at + part);
    for (let next = 0; next < ids.length; next += atOnce) {
      await Promise.all(ids.slice(next, next + atOnce).map((id) => openStream(port, id)));
    }
    const now = await settled(pid);
    perStream.push(Math.round((now - before) / ids.length));
    before = now;
  }
  return {
    streams: count,
    idleBytes,
    bytesPerSession: Math.round((withSessions - idleBytes) / count),
    bytesPerStream: Math.round((before - withSessions) / count),
    bytesPerStreamByPart: perStream,
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

/** Resolves when the stream has said what it says at first. */
function openStream(port: number, id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("error", reject);
    socket.on("data", (chunk) => {
      if (text.includes("connection_established")) return;
      text += String(chunk);
      if (text.includes("connection_established")) resolve();
    });
    socket.write(
      "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n" +
        `Mcp-Session-Id: ${id}\r\n\r\n`,
    );
  });
}
