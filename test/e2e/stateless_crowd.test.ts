/**
 * Many calls of stateless clients that declare everything, in front of a handshake server: they wait
 * their turn, in few processes, and questions that clients abandon do not block the server for other
 * clients.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askingServer } from "../support/asking_server.ts";
import { canReadProcesses, withCommandText } from "../support/processes.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import {
  answersTo,
  createStatelessCaller,
  everything,
  type StatelessAnswer,
  type StatelessCaller,
  textIn,
} from "../support/stateless_caller.ts";
import { linesOf } from "../support/visit.ts";
import { startMsMax, until, within } from "../support/wait.ts";

const testMs = 120_000;
const crowd = 100;
const processesMax = 8;
const abandoned = 20;
/** How long another client may wait for its answer after that. */
const answerMsMax = 1_000;

let directory: string;
let gateway: SpawnedGateway;
let caller: StatelessCaller;
/** Each test has a server of its own: what a server did before changes how it is called. */
let server = 0;
const names = Array.from({ length: 10 }, (_, index) => `asking${index + 1}`);
const fileOf = (name = `asking${server}`) => join(directory, `${name}.log`);

const callerOf = (capabilities = everything) =>
  createStatelessCaller(
    (path, init) => fetch(gateway.url + path, init),
    `/servers/asking${server}/mcp`,
    capabilities,
  );

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-crowd-"));
  // On a busy machine a program may start slowly enough to get a spare, which serves no call.
  const rows = names.map((name) => [name, { ...askingServer(fileOf(name)), spare: false }]);
  gateway = await spawnGateway({ servers: Object.fromEntries(rows) });
}, testMs);
afterAll(async () => {
  await gateway.dispose();
  rmSync(directory, { recursive: true, force: true });
}, testMs);
beforeEach(() => {
  server += 1;
  caller = callerOf();
});

/** Makes many requests at once; the answers, and how many processes of the server there were. */
async function together(count: number, one: (index: number) => Promise<StatelessAnswer>) {
  let processes = 0;
  let isOver = false;
  const answers = Promise.all(Array.from({ length: count }, (_, index) => one(index)))
    .finally(() => isOver = true);
  await until("all answers", () => {
    if (canReadProcesses) processes = Math.max(processes, withCommandText(fileOf()).length);
    return isOver;
  }, testMs);
  return { answers: await answers, processes };
}

/** Asks a question and returns without an answer to it. */
async function walkAway(order: string): Promise<StatelessAnswer> {
  const answer = await callerOf().call("order", { order, questions: 1 });
  expect([answer.error, answer.result?.resultType]).toEqual([undefined, "input_required"]);
  return answer;
}

const errorsOf = (answers: readonly StatelessAnswer[]) =>
  answers.flatMap(({ error }) => error === undefined ? [] : [error.message]);

const kinds: Readonly<Record<string, (index: number) => Promise<StatelessAnswer>>> = {
  "tool calls": (index) => caller.call("echo", { text: `${index}` }),
  "reads": () => caller.ask("resources/read", { uri: "note://one" }),
  "prompts": () => caller.ask("prompts/get", { name: "greet" }),
};

for (const [kind, one] of Object.entries(kinds)) {
  describe(`${crowd} ${kind} at once`, () => {
    test("succeed, in front of a server that never asked", async () => {
      const { answers, processes } = await together(crowd, one);
      expect(errorsOf(answers)).toEqual([]);
      expect(processes).toBeLessThanOrEqual(processesMax);
    }, testMs);

    test("succeed, in front of a server that is known to ask", async () => {
      const asked = await walkAway("first");
      const answer = { action: "accept", content: { order: "first" } };
      expect(textIn(
        await caller.call("order", { order: "first", questions: 1 }, {
          ...answersTo(asked, answer as unknown as Record<string, never>),
        }),
      )).toBe("first");
      const { answers, processes } = await together(crowd, one);
      expect(errorsOf(answers)).toEqual([]);
      expect(processes).toBeLessThanOrEqual(processesMax);
    }, testMs);
  });
}

test("calls that depend on each other reach one process, the first time too", async () => {
  let answer: StatelessAnswer | undefined;
  const waited = caller.call("wait", {}).then((one) => answer = one);
  waited.catch(() => {});
  await until("the call that waits to be woken", async () => {
    expect(textIn(await caller.call("wake", {}))).toBe("woken");
    return answer;
  }, startMsMax / 3);
  expect(textIn(await waited)).toBe("awake");
}, testMs);

test(
  `after ${abandoned} abandoned questions another client's echo answers within a second`,
  async () => {
    for (let index = 0; index < abandoned; index += 1) await walkAway(`left ${index}`);
    for (const capabilities of [everything, {}]) {
      const start = performance.now();
      expect(textIn(await callerOf(capabilities).call("echo", { text: "hello" }))).toBe("hello");
      expect(performance.now() - start).toBeLessThan(answerMsMax);
    }
  },
  testMs,
);

test(`${abandoned} questions that are asked at once and abandoned are all asked`, async () => {
  await walkAway("first");
  const { answers, processes } = await together(
    abandoned,
    (index) => callerOf().call("order", { order: `left ${index}`, questions: 1, ms: 5 }),
  );
  expect(errorsOf(answers)).toEqual([]);
  const others = answers.filter(({ result }) => result?.resultType !== "input_required");
  expect(others.map(textIn)).toEqual([]);
  expect(processes).toBeLessThanOrEqual(processesMax);
  expect(textIn(await within("the echo", callerOf().call("echo", { text: "hello" })))).toBe(
    "hello",
  );
}, testMs);

test("a client whose question gave way gets to know so, and its call is not repeated", async () => {
  const count = processesMax + 2;
  const asked: StatelessAnswer[] = [];
  for (let index = 0; index < count; index += 1) asked.push(await walkAway(`left ${index}`));
  const come = (index: number) => {
    const content = { order: `left ${index}` };
    const answer = { action: "accept", content } as unknown as Record<string, never>;
    const brought = answersTo(asked[index] as StatelessAnswer, answer);
    return callerOf().call("order", { order: `left ${index}`, questions: 1 }, brought);
  };
  expect(textIn(await come(count - 1))).toBe(`left ${count - 1}`);
  const { error, result } = await come(0);
  expect(result).toBeUndefined();
  expect(error?.data?.outcome).toBe("unknown");
  expect(error?.message).toMatch(/given up and will not be repeated/);
  // The server's question was refused, or its call cancelled: it does not wait for ever.
  await until(
    "the order's end",
    () => linesOf(fileOf()).some((line) => /^(?:done|given up) left 0$/.test(line)),
  );
  expect(linesOf(fileOf()).filter((line) => line === "ran left 0").length).toBe(1);
}, testMs);
