/**
 * The questions of a model of calls: each was put by one program during a call of one session, must
 * reach that session alone and once, and gets one answer, whatever becomes of the call.
 */
import { expect } from "bun:test";
import type { ModelCall } from "./model_call.ts";
import type { HeardMessage, PlayedClient } from "./played_clients.ts";
import type { PlayedMessage, PlayedProgram } from "./played_programs.ts";

interface PutQuestion {
  readonly program: PlayedProgram;
  readonly client: PlayedClient;
  isAnswered: boolean;
  timesHeard: number;
}

/** The request by which a program asks. */
export const questionMethod = "elicitation/create";

/** All questions of a run. */
export class CallQuestions {
  readonly #put: PutQuestion[] = [];
  readonly #heard = new Set<HeardMessage>();

  /** The program of a call asks its session; only a process of one session may. */
  ask({ program, server, client }: ModelCall): void {
    if (program === undefined || server !== "b" || client.played.isStateless) return;
    const number = this.#put.length;
    this.#put.push({ program, client: client.played, isAnswered: false, timesHeard: 0 });
    const params = {
      message: `question ${number}`,
      requestedSchema: { type: "object", properties: {} },
    };
    program.say({ jsonrpc: "2.0", id: `q${number}`, method: questionMethod, params });
  }

  /** What a program got under the id of a question. */
  answered(program: PlayedProgram, { id }: PlayedMessage): void {
    const question = this.#put[Number(String(id).slice(1))];
    expect({ id, isOwn: question?.program === program, isTwice: question?.isAnswered })
      .toEqual({ id, isOwn: true, isTwice: false });
    if (question !== undefined) question.isAnswered = true;
  }

  /** What a client heard, be it on the stream of a call or on its standalone stream. */
  heard(client: PlayedClient, message: HeardMessage): void {
    if (this.#heard.has(message)) return;
    this.#heard.add(message);
    const text = String(message.params?.["message"]);
    const question = this.#put[Number(text.replace("question ", ""))];
    expect({ text, isOwn: question?.client === client, times: question?.timesHeard })
      .toEqual({ text, isOwn: true, times: 0 });
    if (question !== undefined) question.timesHeard += 1;
  }

  /** Whether a question to a client is open. */
  isOpen(client: PlayedClient): boolean {
    return this.#put.some((question) => question.client === client && !question.isAnswered);
  }

  /** Whether each program that runs has its answers. */
  areAnswered(): boolean {
    return this.#put.every(({ program, isAnswered }) => isAnswered || !program.isAlive());
  }
}
