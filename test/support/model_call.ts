/**
 * One call of the model of calls at once: what may end it, what its program says of it, and what its
 * client must hear. See call_model.ts for what can happen, call_ledger.ts for what must hold.
 */
import type { PlayedCall, PlayedClient } from "./played_clients.ts";
import type { PlayedProgram } from "./played_programs.ts";

type Json = Readonly<Record<string, unknown>>;

/** A client and where it is. */
export interface ModelClient {
  readonly at: number;
  readonly path: string;
  readonly servers: readonly string[];
  readonly played: PlayedClient;
}

/** Why a call may end. */
export type Cause = "result" | "error" | "timeout" | "died" | "cancelled" | "ended" | "refused";

/** A call as its client made it. */
export interface BegunCall {
  /** Tells it from every other. */
  readonly nonce: string;
  readonly client: ModelClient;
  readonly server: string;
  /** For progress; absent: its client wants none. */
  readonly token: string | number | undefined;
  /** When it was made, in turns of the model. */
  readonly turn: number;
  readonly args: Json;
  readonly played: PlayedCall;
}

/** One call of one client. */
export class ModelCall implements BegunCall {
  readonly nonce: string;
  readonly client: ModelClient;
  readonly server: string;
  readonly token: string | number | undefined;
  readonly turn: number;
  readonly args: Json;
  readonly played: PlayedCall;
  readonly causes: Set<Cause> = new Set();
  /** What its answer may say. */
  readonly texts: Set<string> = new Set();
  /** Progress that its program sent while nothing had ended it, and what may come in addition. */
  readonly sent: number[] = [];
  readonly maybe: number[] = [];
  program: PlayedProgram | undefined;
  requestId: string | number | undefined;
  /** So much of `sent` must have reached the client before the call ends. */
  mustHear = 0;
  /** It must end. */
  isDue = false;
  /** It has ended, and was found in order. */
  isAtRest = false;
  /** Its client disconnected and the call goes on. */
  hasLeft = false;
  /** Its program was asked to give it up. */
  isGivenUp = false;
  #value = 0;

  constructor(begun: BegunCall) {
    this.nonce = begun.nonce;
    this.client = begun.client;
    this.server = begun.server;
    this.token = begun.token;
    this.turn = begun.turn;
    this.args = begun.args;
    this.played = begun.played;
  }

  /** It must end, by this cause or by an earlier one. */
  cause(cause: Cause, text?: string): void {
    if (this.causes.size === 0) this.mustHear = this.#isWritten(cause) ? this.sent.length : 0;
    this.mayEndBy(cause, text);
    this.isDue = true;
  }

  mayEndBy(cause: Cause, text?: string): void {
    this.causes.add(cause);
    if (text !== undefined) this.texts.add(text);
  }

  /** What a program writes comes after what it wrote before. */
  #isWritten(cause: Cause): boolean {
    return cause === "result" || cause === "error" || cause === "died";
  }

  wasAnswered(): boolean {
    return this.causes.has("result") || this.causes.has("error");
  }

  /** Its program has it and did not answer. */
  isOpenAtServer(): boolean {
    return this.program?.isAlive() === true && !this.isGivenUp && !this.wasAnswered() &&
      !this.isAtRest;
  }

  answerText(word: string, choice: number): string {
    return `${word} ${this.nonce}${choice % 5 === 0 ? " é😀".repeat(600) : ""}`;
  }

  /** The message that answers it, with its members in one of their orders. */
  responseOf(text: string, choice: number): Json {
    const id = choice % 7 === 0 ? String(this.requestId) : this.requestId;
    const result = { content: [{ type: "text", text }] };
    return choice % 2 === 0 ? { jsonrpc: "2.0", id, result } : { result, id, jsonrpc: "2.0" };
  }

  /** Its next progress, which is in the books from now on if its client wants any. */
  progressOf(choice: number): Json {
    this.#value += 1 + choice % 3;
    const values = this.causes.size === 0 ? this.sent : this.maybe;
    if (this.token !== undefined) values.push(this.#value);
    const params = {
      progressToken: this.requestId,
      progress: this.#value,
      message: `step ${this.nonce}`,
    };
    return { jsonrpc: "2.0", method: "notifications/progress", params };
  }

  progress(choice: number): void {
    this.program?.say(this.progressOf(choice));
  }

  /** Values of its program's progress that the client heard. */
  heardSteps(): number[] {
    return this.played.heard.messages.flatMap(({ params }) =>
      params?.["message"] === `step ${this.nonce}` ? [Number(params["progress"])] : []
    );
  }
}
