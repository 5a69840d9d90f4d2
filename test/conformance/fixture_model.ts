/**
 * What the conformance fixtures of both eras have in common, in words of neither: a tool is a row
 * that works on a `Turn`, and a turn puts questions to the client in the way of its era (a request of
 * its own within the call, or a result that asks and a second call). The rows are in fixture_tools.ts,
 * fixture_questions.ts and fixture_offers.ts; what makes servers of them is in fixture_handshake.ts
 * and fixture_modern.ts.
 */

import { skillsCapability } from "./fixture_skills.ts";

/** A JSON object. */
export type Json = { [key: string]: unknown };

/** A JSON Schema of an object. */
export type ObjectSchema = Json & { type: "object" };

/** One block of a tool's or a prompt's content. */
export type Content = Json & { type: string };

/** What a tool answers. */
export interface ToolAnswer {
  readonly content: readonly Content[];
  readonly isError?: boolean;
}

/** One question to the client. */
export interface Question {
  readonly method: "elicitation/create" | "sampling/createMessage" | "roots/list";
  readonly params: Json;
}

/** What a server tells its watchers. */
export type Change = "tools" | "prompts" | { readonly uri: string };

/** One call under way. A turn of the newer era runs from its start again once it was answered. */
export interface Turn {
  /** What the client declared. */
  readonly capabilities: Json;
  /** The token of the call's progress, where the client wants any. */
  readonly progressToken: string | number | undefined;
  /** Aborted when the client gives the call up. */
  readonly cancelled: AbortSignal;
  log(data: string): Promise<void>;
  progress(progress: number, message: string): Promise<void>;
  /**
   * Puts all questions at once and resolves with their answers, by key. `sealed`: where a second
   * call answers them, it must bring a signed state along.
   */
  ask(questions: Record<string, Question>, sealed?: "sealed"): Promise<Record<string, Json>>;
  changed(what: Change): Promise<void>;
  /** Closes the stream that the client reads, where the transport can resume it. */
  closeStream(): void;
}

/** One tool: how it is listed and what it does. */
export interface ToolRow {
  readonly about: string;
  readonly schema?: ObjectSchema;
  readonly run: (args: Json, turn: Turn) => Promise<ToolAnswer> | ToolAnswer;
}

/** One prompt: how it is listed and what it says. */
export interface PromptRow {
  readonly about: string;
  readonly arguments?: readonly { name: string; description: string; required: boolean }[];
  readonly say: (args: Json, turn: Turn) => Promise<readonly Content[]> | readonly Content[];
}

/** A text block. */
export const textBlock = (text: string): Content => ({ type: "text", text });

/** A tool's answer of one text. */
export const textAnswer = (text: string): ToolAnswer => ({ content: [textBlock(text)] });

/** What the servers say of themselves. */
export const identity = { name: "conformance-fixture", version: "1.0.0" };

/** What the servers can do. */
export const capabilities = {
  tools: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  prompts: { listChanged: true },
  logging: {},
  completions: {},
  extensions: skillsCapability,
};

/** The notification of a change. */
export function changeNotification(what: Change): { method: string; params?: { uri: string } } {
  return typeof what === "string"
    ? { method: `notifications/${what}/list_changed` }
    : { method: "notifications/resources/updated", params: { uri: what.uri } };
}
