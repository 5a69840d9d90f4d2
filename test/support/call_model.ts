/**
 * A model of calls at once: clients of both eras in front of played programs, the steps that can
 * happen to them, and what must hold of each call whatever the order. A call has causes for its
 * end (an answer, a fault, a cancellation, …); while it has none it must stay open, and a call that
 * is due must end by one of its causes. Not here: which steps are taken (any_order.test.ts).
 */
import { expect } from "bun:test";
import * as fc from "fast-check";
import { CallLedger } from "./call_ledger.ts";
import type { ModelCall, ModelClient } from "./model_call.ts";
import { openSessionClient, openStatelessClient } from "./played_clients.ts";
import { type PlayedGateway, startPlayed, turn } from "./played_gateway.ts";
import type { PlayedProgram } from "./played_programs.ts";

const weights = {
  call: 12,
  progress: 6,
  answer: 6,
  fault: 2,
  burst: 2,
  late: 3,
  cancel: 3,
  leave: 2,
  notice: 2,
  broadcast: 1,
  ask: 5,
  turn: 4,
  settle: 3,
  timeout: 3,
  die: 1,
  end: 1,
} as const;

/** What happens next; the numbers pick among what there is. */
export interface Step {
  readonly kind: keyof typeof weights;
  readonly pick: number;
  readonly choice: number;
}

/** Steps as often as they happen. */
export const steps: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    ...Object.keys(weights).map((kind) => ({
      weight: weights[kind as Step["kind"]],
      arbitrary: fc.constant(kind as Step["kind"]),
    })),
  ),
  pick: fc.nat(1_000),
  choice: fc.nat(1_000),
});

/** A run of the model. */
export interface CallModel {
  take(step: Step): Promise<void>;
  /** Lets everything end, looks for what is left, and stops; how many calls were answered. */
  finish(): Promise<number>;
}

const callTimeoutMs = 60_000;
const idleTimeoutMs = 300_000;
/** Longer than anything that follows the start of a server, and the last beat of a call. */
const restMs = 120_000;
/** Longer than anything that may follow the end of a call, and shorter than its time limit. */
const afterMs = 20_000;
const stepMs = 500;

const places = [
  { path: "/mcp", servers: ["a", "b"], revision: "2025-11-25" },
  { path: "/mcp", servers: ["a", "b"], revision: "2025-06-18" },
  { path: "/servers/a/mcp", servers: ["a"], revision: "2025-03-26" },
  { path: "/mcp", servers: ["a", "b"], revision: undefined },
  { path: "/servers/b/mcp", servers: ["b"], revision: undefined },
] as const;

/** Ids that clients choose; each client has the same ones, and uses them again. */
const idForms: readonly ((count: number) => string | number)[] = [
  (count) => count,
  (count) => String(count),
  (count) => `é😀\u2028"\\${count}`,
  (count) => "x".repeat(250) + count,
  (count) => -count,
];

async function openClient(gateway: PlayedGateway, at: number): Promise<ModelClient> {
  const place = places[at] ?? places[0];
  const played = place.revision === undefined
    ? openStatelessClient(gateway, place.path)
    : await openSessionClient(gateway, place.path, place.revision);
  return { ...place, at, played };
}

/** Starts a gateway with its clients, and lets each call each of its servers once. */
export async function createCallModel(): Promise<CallModel> {
  const times = { callTimeoutMs, idleTimeoutMs };
  const servers = { a: { isolation: "shared", ...times }, b: times };
  // Time passes in leaps in which no program can answer a ping.
  const healthCheckMs = 2 * idleTimeoutMs;
  const limits = { restartMsMin: 1, restartMsMax: 1, provenMs: 10, healthCheckMs };
  const gateway = await startPlayed(servers, limits);
  const clients = await Promise.all(places.map((_, at) => openClient(gateway, at)));
  const ledger = new CallLedger(gateway);
  const model: Model = { gateway, clients, ledger, turns: 0, unwell: new Set() };
  await callEach(model);
  const before = { timers: await rest(gateway, restMs), programs: alive(model).length };
  return {
    take: (step) => takers[step.kind](model, step) ?? Promise.resolve(),
    async finish() {
      await settle(model);
      for (const call of ledger.open()) answer(call, 0);
      await callEach(model);
      // What the calls held is free; each connection has one timer for the limits of all of them.
      const timers = await rest(gateway, afterMs);
      expect(timers).toBeLessThanOrEqual(before.timers + before.programs);
      expect({ timers: await rest(gateway, callTimeoutMs), programs: alive(model).length })
        .toEqual(before);
      ledger.assertEnded();
      gateway.advance(2 * idleTimeoutMs);
      await gateway.until("idle programs to stop", () => alive(model).length === 0);
      expect(await gateway.drain()).toBeLessThan(callTimeoutMs / 100);
      await gateway.close();
      expect(await rest(gateway, afterMs)).toBe(0);
      ledger.assertEnded();
      return ledger.answered();
    },
  };
}

/**
 * Lets time pass, and what follows from it happen; the fewest timers that waited at once in the last
 * part of it. Some that come again and again always wait, others now and then.
 */
async function rest({ advance, timers }: PlayedGateway, ms: number): Promise<number> {
  advance(ms - afterMs / 2);
  let fewest = Infinity;
  for (let left = afterMs / 2; left > 0; left -= stepMs) {
    await turn();
    advance(stepMs);
    fewest = Math.min(fewest, timers());
  }
  return fewest;
}

interface Model {
  readonly gateway: PlayedGateway;
  readonly clients: ModelClient[];
  readonly ledger: CallLedger;
  /** Calls of an earlier turn have reached the gateway. */
  turns: number;
  /** Servers that died lately, whose next start may have to wait. */
  readonly unwell: Set<string>;
}

const alive = ({ gateway }: Model) => gateway.programs.filter((program) => program.isAlive());

function pickOf<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % items.length];
}

function call(model: Model, client: ModelClient, server: string, choice: number): void {
  const { ledger, unwell } = model;
  const form = pickOf(idForms, choice) ?? String;
  const isUsed = (id: string | number) =>
    ledger.calls.some((one) =>
      // When a call that its client has left is over, the client cannot know.
      one.client === client && one.played.id === id && (!one.isAtRest || one.hasLeft)
    );
  let count = 1;
  while (isUsed(form(count))) count += 1;
  ledger.begin(client, server, {
    id: form(count),
    token: choice % 3 === 0 ? undefined : choice % 2 === 0 ? "t" : 7,
    turn: model.turns,
    mayBeRefused: unwell.has(server),
  });
}

/** Each client calls each of its servers, and gets its answer. */
async function callEach(model: Model): Promise<void> {
  const begun = model.ledger.calls.length;
  for (const client of model.clients) {
    for (const server of client.servers) call(model, client, server, 1);
  }
  await settle(model);
  for (const one of model.ledger.calls.slice(begun)) answer(one, 1);
  await settle(model);
}

function answer(one: ModelCall, choice: number): void {
  if (!one.isOpenAtServer()) return;
  const text = one.answerText("answer", choice);
  one.cause("result", text);
  const line = `${JSON.stringify(one.responseOf(text, choice))}\n`;
  const bytes = new TextEncoder().encode(line);
  const cut = choice % (bytes.length + 1);
  const isCut = choice % 4 === 0;
  one.program?.write(isCut ? bytes.slice(0, cut) : bytes);
  if (isCut) one.program?.write(bytes.slice(cut));
}

async function settle(model: Model): Promise<void> {
  await model.ledger.settle();
  model.turns += 1;
  if (model.unwell.size === 0) return;
  model.gateway.advance(1_000);
  model.unwell.clear();
  await model.ledger.settle();
}

type Taker = (model: Model, step: Step) => Promise<void> | void;

/** What each step does. Only what has reached the other side can be answered or given up. */
const takers: Readonly<Record<Step["kind"], Taker>> = {
  call(model, { pick, choice }) {
    const client = pickOf(model.clients, pick);
    const server = client && pickOf<string>(client.servers, choice);
    if (client !== undefined && server !== undefined) call(model, client, server, choice);
  },
  progress({ ledger }, { pick, choice }) {
    pickOf(ledger.open(), pick)?.progress(choice);
  },
  answer({ ledger }, { pick, choice }) {
    const one = pickOf(ledger.open(), pick);
    if (one !== undefined) answer(one, choice);
  },
  fault({ ledger }, { pick }) {
    const one = pickOf(ledger.open(), pick);
    if (one === undefined) return;
    const message = `fault ${one.nonce}`;
    one.cause("error", message);
    one.program?.say({ jsonrpc: "2.0", id: one.requestId, error: { code: -32_050, message } });
  },
  burst(model, { pick, choice }) {
    const program = pickOf(alive(model), pick);
    const open = model.ledger.open().filter((one) => one.program === program);
    if (choice % 2 === 0) open.reverse();
    const messages = open.flatMap((one) => {
      const last = one.progressOf(choice);
      const text = one.answerText("answer", choice);
      one.cause("result", text);
      return [last, one.responseOf(text, choice)];
    });
    program?.say(...messages);
  },
  late({ ledger }, { pick, choice }) {
    const over = ledger.calls.filter((one) => one.causes.size > 0 && one.program?.isAlive());
    const one = pickOf(over, pick);
    if (one === undefined) return;
    const text = one.answerText("late", choice);
    // What a server wrote first is what counts; else this may have come in time.
    if (!one.wasAnswered()) one.mayEndBy("result", text);
    one.program?.say(one.progressOf(choice), one.responseOf(text, choice));
  },
  cancel(model, { pick }) {
    const one = pickOf(model.ledger.atClient(model.turns), pick);
    if (one === undefined) return;
    one.cause("cancelled");
    one.client.played.cancel(one.played);
  },
  leave(model, { pick }) {
    const one = pickOf(model.ledger.atClient(model.turns), pick);
    if (one === undefined || model.ledger.questions.isOpen(one.client.played)) return;
    if (one.client.played.isStateless) one.cause("cancelled");
    else one.hasLeft = true;
    one.played.leave();
  },
  notice(model, { pick, choice }) {
    const program = pickOf(alive(model), pick);
    if (program !== undefined) model.ledger.notice(program, choice % 2 === 0, model.clients);
  },
  ask({ ledger }, { pick }) {
    const one = pickOf(ledger.open().filter(({ server }) => server === "b"), pick);
    // A question on a stream that its client has left waits for the client to come back.
    if (one !== undefined && !ledger.hasLeft(one.client)) ledger.questions.ask(one);
  },
  broadcast: ({ ledger, clients }) => ledger.broadcast(clients),
  async turn(model) {
    await turn();
    await turn();
    model.turns += 1;
  },
  settle,
  async timeout(model) {
    await settle(model);
    for (const one of model.ledger.open()) one.cause("timeout");
    model.gateway.advance(callTimeoutMs + 1);
    // A program that stops now because it was idle is not heard any more.
    await turn();
    await turn();
  },
  async die(model, { pick }) {
    await turn();
    const program: PlayedProgram | undefined = pickOf(alive(model), pick);
    if (program === undefined) return;
    model.ledger.died(program);
    model.unwell.add(program.name);
    program.die();
  },
  async end(model, { pick }) {
    const client = pickOf(model.clients.filter(({ played }) => !played.isStateless), pick);
    if (client === undefined) return;
    await turn();
    await turn();
    for (const one of model.ledger.calls) {
      if (one.client === client && !one.isAtRest) one.cause("ended");
    }
    let isEnded = false;
    void client.played.end().then(() => void (isEnded = true));
    const { stream } = client.played;
    await model.gateway.until("the session to end", () => isEnded && stream?.isOver === true);
    model.clients[model.clients.indexOf(client)] = await openClient(model.gateway, client.at);
  },
};
