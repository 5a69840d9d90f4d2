/**
 * Attribution and never-twice under load: stateless callers of several principals place thousands of
 * orders at a server that cannot say which call a question belongs to. Some answer, some decline,
 * some walk away, leave in the middle or come back twice. No question may reach another caller, no
 * order may run twice, and callers that behave get their answer. A failure names the seed;
 * `MCP_TEST_SEED` makes the same choices again.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { askingServer } from "../support/asking_server.ts";
import { by, createHeaderAuthenticator } from "../support/header_authenticator.ts";
import { type OwnGateway, startWithTables } from "../support/own_tables.ts";
import { canReadProcesses, withCommandText } from "../support/processes.ts";
import { createSeededRandom, testSeed as seed } from "../support/random.ts";
import {
  answersTo,
  createStatelessCaller,
  type StatelessAnswer,
  type StatelessCaller,
  textIn,
} from "../support/stateless_caller.ts";
import { linesOf } from "../support/visit.ts";
import { until } from "../support/wait.ts";

const runsAll = process.env["MCP_TEST_ALL"] === "true";
const testMs = runsAll ? 240_000 : 120_000;
/** Fewer where each change is checked: each abandoned question costs the others a moment. */
const callCount = runsAll ? 5_000 : 500;
const callerCount = 20;
const principals = ["ada", "bob", "cy", "dee"];
const leasesMax = 8;
/** The longest that an order works before each step. */
const workMsMax = 3;

let directory: string;
let own: OwnGateway;
const fileOf = (name: string) => join(directory, `${name}.log`);
const fresh = Array.from({ length: 5 }, (_, index) => `fresh${index}`);
const askers = Array.from({ length: 3 }, (_, index) => `asker${index}`);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-questions-"));
  const rows = ["busy", ...fresh].map((name) => [name, askingServer(fileOf(name))]);
  // Questions that cannot be told apart end with the time of their calls.
  const short = { callTimeoutMs: 5_000 };
  const asking = askers.map((name) => [name, { ...askingServer(fileOf(name)), ...short }]);
  own = await startWithTables(Object.fromEntries([...rows, ...asking]), {
    authenticators: { none: createHeaderAuthenticator },
  });
}, testMs);
afterAll(async () => {
  own.gateway.drain();
  await own.gateway.close();
  rmSync(directory, { recursive: true, force: true });
}, testMs);

function callerAt(server: string, principal: string): StatelessCaller {
  const url = "http://localhost:8999";
  return createStatelessCaller(
    (path, init) => {
      const request = new Request(url + path, init);
      request.headers.set("host", new URL(url).host);
      return own.gateway.fetch(request);
    },
    `/servers/${server}/mcp`,
    { elicitation: {} },
    by(principal),
  );
}

type Json = Parameters<StatelessCaller["call"]>[1];
const accept = (order: string): Json => ({ action: "accept", content: { order } });
const decline: Json = { action: "decline" };

/** What a caller does when it is asked. */
const fates = ["answers", "declines", "walks away", "comes back twice", "leaves"] as const;
type Fate = typeof fates[number];

/** How often each is chosen, of ten. */
const shares: Readonly<Record<Fate, number>> = {
  "answers": 5,
  "declines": 1,
  "walks away": 1,
  "comes back twice": 2,
  "leaves": 1,
};
const deck = fates.flatMap((fate) => Array.from({ length: shares[fate] }, () => fate));

/** One order, and what came of it. */
interface Placed {
  readonly order: string;
  readonly fate: Fate;
  readonly questions: number;
  /** The order's own result came. */
  done: boolean;
  /** How its last request ended, if without a result. */
  error?: StatelessAnswer["error"] | undefined;
  /** Questions that it got and that were another order's. */
  readonly foreign: string[];
}

/** Places an order and plays its caller until the end that its fate says. */
async function place(
  caller: StatelessCaller,
  { order, fate, questions, ms }: {
    readonly order: string;
    readonly fate: Fate;
    readonly questions: number;
    readonly ms: number;
  },
): Promise<Placed> {
  const placed: Placed = { order, fate, questions, done: false, foreign: [] };
  const args = { order, questions, ms };
  const leaving = new AbortController();
  if (fate === "leaves") setTimeout(() => leaving.abort(), ms);
  let more: Json = {};
  for (let round = 0; round <= questions; round += 1) {
    const ask = () => caller.call("order", args, more, leaving.signal);
    const twice = fate === "comes back twice" && round > 0;
    const answers = await Promise.all([ask(), ...(twice ? [ask()] : [])]).catch(() => []);
    const answer = answers.find(({ result }) => result !== undefined) ?? answers[0];
    if (answer === undefined) return placed;
    for (const { params } of Object.values(answer.result?.inputRequests ?? {})) {
      if (params["message"] !== order) placed.foreign.push(String(params["message"]));
    }
    placed.error = answer.error;
    if (answer.result?.resultType !== "input_required") {
      if (answer.result !== undefined) placed.done = textIn(answer) === order;
      if (answer.result !== undefined && !placed.done) placed.foreign.push(`${textIn(answer)}`);
      return placed;
    }
    if (fate === "walks away") return placed;
    more = answersTo(answer, fate === "declines" ? decline : accept(order));
  }
  return placed;
}

/** What must not be, in words. */
function problemsOf(all: readonly Placed[], file: string): string[] {
  const lines = linesOf(file);
  const runs = new Map<string, number>();
  for (const line of lines) {
    if (line.startsWith("ran ")) runs.set(line.slice(4), (runs.get(line.slice(4)) ?? 0) + 1);
  }
  const problems = lines.filter((line) => line.startsWith("crossed "));
  for (const { order, fate, done, error, foreign } of all) {
    const ran = runs.get(order) ?? 0;
    const wellBehaved = ["answers", "declines", "comes back twice"].includes(fate);
    if (foreign.length > 0) problems.push(`${order} got what is of ${foreign.join(", ")}`);
    if (ran > 1) problems.push(`${order} ran ${ran} times`);
    if (done && ran === 0) problems.push(`${order} is done and never ran`);
    if (ran > 0 && error !== undefined && error.data?.outcome !== "unknown") {
      problems.push(`${order} ran, and its caller got ${JSON.stringify(error)}`);
    }
    if (wellBehaved && !done) problems.push(`${order} (${fate}) failed: ${JSON.stringify(error)}`);
  }
  return problems;
}

describe(`stateless callers who are asked (seed ${seed})`, () => {
  test(`${callCount} orders: no question reaches another caller, and none runs twice`, async () => {
    const random = createSeededRandom(seed);
    const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
    const orders = Array.from({ length: callCount }, (_, index) => ({
      order: `${index}`,
      fate: pick(deck),
      questions: pick([0, 0, 1, 1, 2]),
      ms: pick(Array.from({ length: workMsMax + 1 }, (_, ms) => ms)),
    }));
    // The first question comes when one call is under way: it is asked at once.
    const [first] = principals;
    const opening = { order: "first", fate: "answers", questions: 1, ms: 0 } as const;
    const placed = [await place(callerAt("busy", String(first)), opening)];
    await Promise.all(Array.from({ length: callerCount }, async (_, index) => {
      const principal = principals[index % principals.length] as string;
      const caller = callerAt("busy", principal);
      for (let next = orders.shift(); next !== undefined; next = orders.shift()) {
        placed.push(await place(caller, { ...next, order: `${principal} ${next.order}` }));
      }
    }));
    expect(placed.length).toBe(callCount + 1);
    expect({ seed, problems: problemsOf(placed, fileOf("busy")).slice(0, 20) })
      .toEqual({ seed, problems: [] });
    // One more for each scope may be closing, or waits to be taken over.
    if (!canReadProcesses) return;
    await until(
      "few processes",
      () => withCommandText(fileOf("busy")).length <= principals.length * leasesMax + 1,
    );
  }, testMs);

  /** Calls of one principal at once, at a server that has asked nothing so far; what must not be. */
  async function placeAtOnce(server: string, asks: (index: number) => boolean): Promise<string[]> {
    const caller = callerAt(server, "ada");
    const placed = await Promise.all(
      Array.from({ length: leasesMax }, (_, index) =>
        place(caller, {
          order: `${index}`,
          fate: "answers",
          questions: asks(index) ? 1 : 0,
          ms: asks(index) ? 0 : workMsMax * index,
        })),
    );
    return problemsOf(placed, fileOf(server));
  }

  test("the first question ever finds its caller while others call the same server", async () => {
    const problems = await Promise.all(
      fresh.map((server, round) => placeAtOnce(server, (index) => index === round % leasesMax)),
    );
    expect(problems.flat()).toEqual([]);
  }, testMs);

  test("first questions that come at once reach no other caller; a call may fail", async () => {
    const problems = await Promise.all(
      askers.map((server, round) => placeAtOnce(server, (index) => index % (round + 1) === 0)),
    );
    expect(problems.flat().filter((problem) => !/failed: .*"unknown"/.test(problem))).toEqual([]);
  }, testMs);
});
