/**
 * The books of a model of calls: what each call sent and heard, what its program got, and what must
 * hold of both. See call_model.ts for what can happen.
 */
import { expect } from "bun:test";
import { CallQuestions, questionMethod } from "./call_questions.ts";
import { type Cause, ModelCall, type ModelClient } from "./model_call.ts";
import type { Heard, HeardMessage } from "./played_clients.ts";
import type { PlayedGateway } from "./played_gateway.ts";
import type { PlayedProgram } from "./played_programs.ts";

type Json = Readonly<Record<string, unknown>>;

/** Failures of the gateway's own, by the cause that they tell of. */
const failures: Readonly<Partial<Record<Cause, RegExp>>> = {
  timeout: /did not answer tools\/call in time/,
  died: /exited|ended|not running|cannot be|restart/i,
  ended: /session/i,
  refused: /restart|start|not running|again/i,
};

const listChanged = "notifications/tools/list_changed";

const changesIn = ({ messages }: Heard): number =>
  messages.filter(({ method }) => method === listChanged).length;

const timesIn = ({ messages }: Heard, data: string): number =>
  messages.filter(({ params }) => params?.["data"] === data).length;

/** What a call is made of, beside its client and server. */
export interface CallPlan {
  readonly id: string | number;
  readonly token: string | number | undefined;
  readonly turn: number;
  readonly mayBeRefused: boolean;
}

/** All calls of a run. */
export class CallLedger {
  readonly gateway: PlayedGateway;
  readonly calls: ModelCall[] = [];
  readonly questions: CallQuestions = new CallQuestions();
  readonly #byNonce = new Map<string, ModelCall>();
  readonly #read = new Map<PlayedProgram, number>();
  /** How many changes of lists a standalone stream must have had. */
  readonly #wanted = new Map<Heard, number>();
  readonly #broadcasts: { readonly data: string; readonly streams: readonly Heard[] }[] = [];
  /** The client whose process a program is, where it serves no other. */
  readonly #owners = new Map<PlayedProgram, ModelClient>();

  constructor(gateway: PlayedGateway) {
    this.gateway = gateway;
  }

  begin(client: ModelClient, server: string, plan: CallPlan): void {
    const nonce = `${this.calls.length} of client ${client.at}.`;
    const args = { nonce, "é": [1, { b: null }] };
    const tool = client.path === "/mcp" ? `${server}__work` : "work";
    const played = client.played.call({ id: plan.id, tool, args, token: plan.token });
    const { token, turn } = plan;
    const call = new ModelCall({ nonce, client, server, token, turn, args, played });
    if (plan.mayBeRefused) call.mayEndBy("refused");
    this.calls.push(call);
    this.#byNonce.set(nonce, call);
  }

  /** Calls that their programs have not answered. */
  open(): ModelCall[] {
    this.#scan();
    return this.calls.filter((call) => call.isOpenAtServer());
  }

  /** Calls of an earlier turn whose clients wait. */
  atClient(turn: number): ModelCall[] {
    return this.calls.filter((call) =>
      call.turn < turn && !call.played.heard.isOver && !call.hasLeft && !call.isAtRest &&
      !call.causes.has("cancelled") && !call.causes.has("ended")
    );
  }

  /** Whether a client has left a call that goes on. */
  hasLeft(client: ModelClient): boolean {
    return this.calls.some((call) => call.client === client && call.hasLeft && !call.isAtRest);
  }

  /** The program ends: calls that it has fail, those on their way may. */
  died(program: PlayedProgram): void {
    this.#scan();
    for (const call of this.calls) {
      if (call.isAtRest) continue;
      if (call.program === program && !call.wasAnswered()) call.cause("died");
      if (call.program === undefined && call.server === program.name) {
        call.mayEndBy("died");
        call.mayEndBy("refused");
      }
    }
  }

  /** A server says something of no call; that its list changed, its clients must be told. */
  notice(program: PlayedProgram, isLog: boolean, clients: readonly ModelClient[]): void {
    if (isLog) {
      const data = `log of ${this.gateway.programs.indexOf(program)}`;
      const params = { level: "error", data };
      return program.say({ jsonrpc: "2.0", method: "notifications/message", params });
    }
    program.say({ jsonrpc: "2.0", method: listChanged });
    for (const { played: { stream } } of program.name === "a" ? clients : []) {
      if (stream === undefined || stream.isOver) continue;
      this.#wanted.set(stream, changesIn(stream) + 1);
    }
  }

  /** The gateway says something to all: each session whose stream is open gets it once. */
  broadcast(clients: readonly ModelClient[]): void {
    const streams = clients.flatMap(({ played: { stream } }) => stream ?? []);
    const data = `broadcast ${this.#broadcasts.length}`;
    this.#broadcasts.push({ data, streams });
    const params = { level: "error", data };
    const heard = this.gateway.handle
      .broadcast({ kind: "notice", method: "notifications/message", params });
    expect(heard).toBe(streams.length);
  }

  /** Waits until each call is where it must get without another step, and looks at it. */
  async settle(): Promise<void> {
    const late = () => this.calls.filter((call) => !call.isAtRest && !this.#isSettled(call));
    let waiting: ModelCall[] = [];
    try {
      await this.gateway.until("all calls to settle", () => {
        waiting = [];
        this.#scan();
        waiting = late();
        return waiting.length === 0 && this.#hasToldAll() && this.questions.areAnswered();
      });
    } catch (thrown) {
      if (waiting.length === 0) throw thrown;
      const what = waiting.map((call) => ({ ...call, client: call.client.at, args: 0 }));
      throw new Error(`${thrown}: ${JSON.stringify(what)}`, { cause: thrown });
    }
    this.#hearQuestions();
    for (const call of this.calls) {
      if (call.isAtRest) continue;
      const isOver = call.played.heard.isOver && !call.hasLeft;
      if (isOver || call.isDue) this.#assertEnd(call);
      else call.mustHear = call.sent.length;
    }
    for (const client of this.#clients()) {
      for (const message of client.played.stream?.messages ?? []) {
        this.#assertNotice(message, client);
      }
    }
  }

  /** Each call has ended, and once; looks at all again, since something may have come later. */
  assertEnded(): void {
    for (const call of this.calls) this.#assertEnd(call);
    for (const { played: { stream } } of this.#clients()) {
      for (const { data, streams } of this.#broadcasts) {
        const times = stream === undefined ? 0 : timesIn(stream, data);
        expect(times).toBeLessThanOrEqual(stream !== undefined && streams.includes(stream) ? 1 : 0);
      }
    }
    const counts = this.gateway.handle.counts();
    const ended = Object.entries(counts).filter(([key]) => /^call_(ended|refused)\./.test(key));
    expect(ended.reduce((sum, [, count]) => sum + count, 0)).toBe(this.calls.length);
  }

  answered(): number {
    return this.calls.filter(({ played }) => played.heard.messages.at(-1)?.result).length;
  }

  /** Questions first: a client may hear of one on one stream, and of its end on another. */
  #hearQuestions(): void {
    for (const { client: { played }, played: { heard } } of this.calls) {
      for (const message of [...heard.messages, ...played.stream?.messages ?? []]) {
        if (message.method === questionMethod) this.questions.heard(played, message);
      }
    }
  }

  /** Streams that are open have got what they must get; a stream that ended may have missed it. */
  #hasToldAll(): boolean {
    return [...this.#wanted].every(([stream, count]) =>
      stream.isOver || changesIn(stream) >= count
    ) && this.#broadcasts.every(({ data, streams }) =>
      streams.every((stream) =>
        stream.isOver || timesIn(stream, data) > 0
      )
    );
  }

  #clients(): Set<ModelClient> {
    return new Set(this.calls.map(({ client }) => client));
  }

  #isSettled(call: ModelCall): boolean {
    const { heard } = call.played;
    const { causes, program } = call;
    const isCut = causes.has("cancelled") || causes.has("timeout") || causes.has("ended");
    const mustCancel = isCut && !call.wasAnswered() && !causes.has("died") &&
      program?.isAlive() === true;
    if (mustCancel && !call.isGivenUp) return false;
    if (call.hasLeft) return call.isDue || program !== undefined;
    if (call.isDue || heard.isOver) return heard.isOver;
    return program !== undefined && call.heardSteps().length >= call.sent.length;
  }

  /** Takes what programs got since the last time. */
  #scan(): void {
    for (const program of this.gateway.programs) {
      const from = this.#read.get(program) ?? 0;
      this.#read.set(program, program.received.length);
      for (const message of program.received.slice(from)) {
        const { id, method, params } = message;
        if (method === "tools/call") this.#received(program, id, params);
        else if (method === undefined) this.questions.answered(program, message);
        else {
          expect(method).toBe("notifications/cancelled");
          this.#givenUp(program, params["requestId"]);
        }
      }
    }
  }

  #received(program: PlayedProgram, id: string | number | undefined, params: Json): void {
    const args = params["arguments"] as Json;
    const call = this.#byNonce.get(String(args["nonce"]));
    if (call === undefined) throw new Error(`No client made the call ${JSON.stringify(params)}`);
    expect({ nonce: call.nonce, args, was: call.program }).toEqual({
      nonce: call.nonce,
      args: call.args,
      // It was not carried out before.
      was: undefined,
    });
    const meta = params["_meta"] as Json | undefined;
    // The gateway always asks for it, to see that the server works.
    expect(meta?.["progressToken"]).toBe(id);
    call.program = program;
    call.requestId = id;
    if (program.name !== "b" || call.client.played.isStateless) return;
    const owner = this.#owners.get(program) ?? call.client;
    this.#owners.set(program, owner);
    expect(owner.at).toBe(call.client.at);
    expect(owner).toBe(call.client);
  }

  #givenUp(program: PlayedProgram, requestId: unknown): void {
    const call = this.calls.find((one) => one.program === program && one.requestId === requestId);
    const { causes } = call ?? { causes: new Set<Cause>() };
    const isMeant = causes.has("cancelled") || causes.has("timeout") || causes.has("ended");
    expect({ nonce: call?.nonce, isMeant, isTwice: call?.isGivenUp })
      .toEqual({ nonce: call?.nonce, isMeant: true, isTwice: false });
    if (call !== undefined) call.isGivenUp = true;
  }

  /** What a client heard of a call that is over is in order. */
  #assertEnd(call: ModelCall): void {
    const { played: { id, heard }, nonce, causes } = call;
    call.isAtRest = true;
    if (call.hasLeft) return;
    expect({ nonce, isOver: heard.isOver }).toEqual({ nonce, isOver: true });
    const answers = heard.messages.filter(({ method }) => method === undefined);
    if (answers.length !== 1) {
      expect({ nonce, answers: answers.length, is: causes.has("cancelled") })
        .toEqual({ nonce, answers: 0, is: true });
      return;
    }
    expect({ nonce, last: heard.messages.at(-1) }).toEqual({ nonce, last: answers[0] });
    expect({ nonce, id: answers[0]?.id }).toEqual({ nonce, id });
    this.#assertAnswer(call, answers[0] ?? {});
    this.#assertSteps(call);
  }

  #assertAnswer({ nonce, causes, texts }: ModelCall, { result, error }: HeardMessage): void {
    if (result !== undefined) {
      const [{ text = "" } = {}] = result["content"] as { text?: string }[];
      return expect({ nonce, text, isMeant: causes.has("result") && texts.has(text) })
        .toEqual({ nonce, text, isMeant: true });
    }
    const message = error?.message ?? "";
    const why = [...causes].filter((cause) =>
      cause === "error" ? texts.has(message) : failures[cause]?.test(message)
    );
    expect({ nonce, error, causes: [...causes], isMeant: why.length > 0 })
      .toEqual({ nonce, error, causes: [...causes], isMeant: true });
  }

  #assertSteps(call: ModelCall): void {
    const { played: { heard }, nonce, sent, maybe, mustHear } = call;
    let last = -Infinity;
    for (const message of heard.messages) {
      if (message.method === undefined) continue;
      if (message.method !== "notifications/progress") {
        this.#assertNotice(message, call.client);
        continue;
      }
      const { progressToken, progress, message: words } = message.params ?? {};
      const isOwn = words === `step ${nonce}` || /^Still working/.test(String(words));
      const isWanted = call.token !== undefined && progressToken === call.token;
      expect({ nonce, isWanted, isOwn, rises: Number(progress) > last })
        .toEqual({ nonce, isWanted: true, isOwn: true, rises: true });
      last = Number(progress);
    }
    const steps = call.heardSteps();
    const known = [...sent, ...maybe];
    expect({ nonce, known, steps: steps.filter((step) => !known.includes(Math.floor(step))) })
      .toEqual({ nonce, known, steps: [] });
    expect({ nonce, missed: steps.length < mustHear }).toEqual({ nonce, missed: false });
  }

  /** A notice outside of calls: of a server that the client uses, and of no other's process. */
  #assertNotice(message: HeardMessage, { at, played }: ModelClient): void {
    const { method, params } = message;
    // A question, or its end, which may follow one on a stream that its client has left.
    const isAbout = method === questionMethod || method === "notifications/cancelled";
    if (isAbout && !played.isStateless) return;
    const allowed = [listChanged, "notifications/message"];
    expect(allowed).toContain(String(method));
    const index = /^log of (\d+)$/.exec(String(params?.["data"]))?.[1];
    const program = index === undefined ? undefined : this.gateway.programs[Number(index)];
    const owner = program && this.#owners.get(program);
    expect(owner?.at ?? at).toBe(at);
  }
}
