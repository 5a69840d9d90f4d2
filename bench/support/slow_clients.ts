/** Slow clients of seven kinds at once, and a client that is not slow next to them. */
import { readFileSync } from "node:fs";
import { request } from "../../test/support/http_harness.ts";
import {
  openSlowSocket,
  slowKinds,
  type SlowSocket,
  wholePost,
} from "../../test/support/slow_sockets.ts";
import type { SpawnedGateway } from "../../test/support/spawn_gateway.ts";
import { envelope, mirror } from "../../test/support/stateless_client.ts";

/** What one kind of clients came to. */
export interface KindRow {
  readonly opened: number;
  readonly closed: number;
  /** When the last one was closed, in seconds after it was opened; none: none was. */
  readonly lastAfter: number | undefined;
}

/** What all of them came to, and the other client's requests. */
export interface SlowRow {
  readonly kinds: Readonly<Record<string, KindRow>>;
  readonly served: number;
  readonly failed: number;
  readonly tookMs: readonly number[];
}

/** An answer that fits into no buffer of the system. */
const largeBytes = 6_000_000;
/** The gateway has as many of these answers in memory. */
const readersMax = 30;
const pauseMs = 100;
const dripMs = 1_000;

function largeRequest(): string {
  const params = { name: "say", arguments: { text: "x", bytes: largeBytes } };
  const body = request(1, "tools/call", { ...params, _meta: envelope() });
  return wholePost(mirror("tools/call", params), JSON.stringify(body));
}

/** The ports of the clients that still have a connection at this port which a process owns. */
function ownedAt(port: number): ReadonlySet<number> {
  const toPort = (address = "") => Number.parseInt(address.split(":")[1] ?? "", 16);
  const owned = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , , , , , , , inode]) => toPort(local) === port && inode !== "0");
  return new Set(owned.map(([, , remote]) => toPort(remote)));
}

/** Opens the clients in equal parts and waits until all are closed, or the time is over. */
export async function holdSlowClients(
  { url, port }: Pick<SpawnedGateway, "url" | "port">,
  { sockets, secondsMax }: { readonly sockets: number; readonly secondsMax: number },
): Promise<SlowRow> {
  const kinds = Object.entries(slowKinds(largeRequest()));
  const readers = Math.min(readersMax, Math.floor(sockets / kinds.length));
  const others = Math.floor((sockets - readers) / (kinds.length - 1));
  const groups = new Map<string, SlowSocket[]>();
  for (const [name, kind] of kinds) {
    const group: SlowSocket[] = [];
    groups.set(name, group);
    const wanted = kind.readsNothing === true ? readers : others;
    while (group.length < wanted) group.push(await openSlowSocket(port, kind, dripMs));
  }
  const all = [...groups.values()].flat();
  const tookMs: number[] = [];
  let failed = 0;
  const end = performance.now() + secondsMax * 1_000;
  while (performance.now() < end && all.some((socket) => socket.closedMs() === undefined)) {
    const begun = performance.now();
    const response = await fetch(`${url}/ready`).catch(() => undefined);
    await response?.text();
    if (response?.ok === true) tookMs.push(performance.now() - begun);
    else failed += 1;
    const owned = ownedAt(port);
    for (const socket of all) if (!owned.has(socket.port)) socket.noteClosed();
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  const rows = [...groups].map(([name, group]) => [name, toRow(group)] as const);
  for (const socket of all) socket.destroy();
  return { kinds: Object.fromEntries(rows), served: tookMs.length, failed, tookMs };
}

function toRow(group: readonly SlowSocket[]): KindRow {
  const closed = group.map((socket) => socket.closedMs()).filter((ms) => ms !== undefined);
  return {
    opened: group.length,
    closed: closed.length,
    lastAfter: closed.length === 0 ? undefined : Math.max(...closed) / 1_000,
  };
}
