/**
 * What a start with many stored sessions costs: the gateway reads them when they are used, so it is
 * ready within a second in 200 MB. The database is made by the gateway's own store.
 *
 *   bun bench stored_sessions     deno run -A bench/run.ts stored_sessions
 *   … --sessions=100000           the figure, and the default
 *   … --store, --json=FILE        the row, for a report
 */
import { join } from "node:path";
import { systemClock } from "../src/clock.ts";
import { defaultLimits } from "../src/limits.ts";
import { createSealer } from "../src/seal.ts";
import type { EventStore, StreamChange } from "../src/session/event_store.ts";
import type { SessionStore } from "../src/session/session_store.ts";
import { openSqliteStore } from "../src/store/sqlite_store.ts";
import { createTestRuntime } from "../test/support/fake_runtime.ts";
import { createTestLog } from "../test/support/log.ts";
import { residentBytes } from "../test/support/processes.ts";
import { programCommand, spawnGateway } from "../test/support/spawn_gateway.ts";
import { finish, numberOption } from "./support/row.ts";

const count = numberOption("sessions", 100_000);
const batch = 1_000;
const principals = 500;
/** One session in so many has a stream that its client may resume. */
const streamsEvery = 10;
const bytesPerMegabyte = 1024 * 1024;

const runtime = await createTestRuntime();
const capabilities = { roots: { listChanged: true }, sampling: {}, elicitation: { form: {} } };
const clientInfo = { name: "bench", version: "1.0.0", title: "A client ".repeat(10) };
const keyOf = (number: number): string => runtime.sha256(`session ${number}`);

/** A session as clients leave it: used at some time within the last hour. */
function createSession(sessions: SessionStore, number: number): Promise<void> {
  const at = Date.now() - number % 3_000_000;
  return sessions.create({
    key: keyOf(number),
    surface: "all",
    principal: `principal-${number % principals}`,
    consumer: `principal principal-${number % principals}`,
    revision: "2025-06-18",
    clientInfo,
    capabilities,
    logLevel: null,
    subscriptions: number % streamsEvery === 0 ? [`file:///project/${number}.txt`] : [],
    // One that was never used would expire within minutes.
    createdAt: at - 60_000,
    activeAt: at,
    owner: "an-earlier-run",
  });
}

const streamOf = (number: number): StreamChange => ({
  session: keyOf(number),
  stream: `earlier-${number}`,
  isCall: true,
  requests: [1],
  frames: [`id: earlier-${number}-1\ndata: ${"x".repeat(2_000)}\n\n`],
  first: 1,
  droppedTo: 0,
  isForgotten: false,
});

/** Fills the database of a folder. */
async function fill(directory: string): Promise<void> {
  const engine = await openSqliteStore({
    runtime,
    directory,
    clock: systemClock,
    limits: defaultLimits,
    log: createTestLog(),
  });
  const sealer = await createSealer((await runtime.readText(join(directory, "secret.key"))) ?? "");
  const events: EventStore | undefined = engine.events(sealer);
  for (let first = 0; first < count; first += batch) {
    const numbers = Array.from({ length: Math.min(batch, count - first) }, (_, at) => first + at);
    await Promise.all(numbers.map((number) => createSession(engine.sessions, number)));
    await events?.save(numbers.filter((one) => one % streamsEvery === 0).map(streamOf));
  }
  await engine.close();
}

const gateway = await spawnGateway({
  servers: { echo: programCommand("bench/support/echo_server.ts", []) },
});
try {
  await gateway.stop();
  await fill(join(gateway.directory, "data"));
  const begun = performance.now();
  await gateway.restart();
  const readyMs = performance.now() - begun;
  const residentMegabytes = Math.round(residentBytes(gateway.pid) / bytesPerMegabyte);
  await gateway.dispose();
  finish({
    figure: "stored_sessions",
    options: { sessions: count },
    values: { readyMs: Math.round(readyMs), residentMegabytes },
    goals: [
      ["it is ready within a second", readyMs <= 1_000],
      ["it needs at most 200 MB", residentMegabytes <= 200],
    ],
  });
} catch (thrown) {
  await gateway.dispose();
  throw thrown;
}
