/**
 * Tools of the fixtures that the official suite does not know and the end-to-end tests need: they
 * leave a line in a file for each thing that happened to them, so that a test sees from outside what
 * reached the server and how often, and they report progress without leaving the answer behind it
 * any time. The suite's own tools are in fixture_tools.ts and fixture_questions.ts.
 */
import { appendFileSync } from "node:fs";
import { type ObjectSchema, textAnswer, type ToolRow } from "./fixture_model.ts";

const fileSchema: ObjectSchema = {
  type: "object",
  properties: { file: { type: "string", description: "Where to leave a line" } },
  required: ["file"],
};

const leaveLine = (file: unknown, line: string) => appendFileSync(String(file), `${line}\n`);

/** Every such tool, by its name. */
export const witnessTools: Readonly<Record<string, ToolRow>> = {
  witness_progress: {
    about: "Reports progress and answers at once",
    run: async (_args, turn) => {
      for (const progress of [1, 2, 3]) await turn.progress(progress, `${progress} of 3`);
      return textAnswer("Reported");
    },
  },
  witness_cancellation: {
    about: "Leaves a line when it starts, and one when it is given up; it answers never",
    schema: fileSchema,
    run: ({ file }, turn) => {
      leaveLine(file, "started");
      return new Promise((_, reject) => {
        turn.cancelled.addEventListener("abort", () => {
          leaveLine(file, "cancelled");
          reject(new Error("Given up"));
        });
      });
    },
  },
  witness_execution: {
    about: "Leaves a line at each execution, asks, and leaves the answer or that it was given up",
    schema: fileSchema,
    run: async ({ file }, turn) => {
      leaveLine(file, "executed");
      turn.cancelled.addEventListener("abort", () => leaveLine(file, "given up"));
      const { name } = await turn.ask({
        name: {
          method: "elicitation/create",
          params: {
            mode: "form",
            message: "Your name?",
            requestedSchema: {
              type: "object",
              properties: { name: { type: "string" } },
              required: ["name"],
            },
          },
        },
      });
      leaveLine(file, `answered ${JSON.stringify(name?.["content"])}`);
      return textAnswer("Executed");
    },
  },
};
