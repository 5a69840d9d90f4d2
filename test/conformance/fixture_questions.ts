/**
 * The tools of the conformance fixtures that put questions to the client: sampling, elicitation and
 * roots, one or several at once, in one round or more. They are written as if an answer came back
 * from `turn.ask`; how it comes is the era's affair. The keys are those that the official suite's
 * descriptions have.
 */
import {
  type Json,
  type ObjectSchema,
  type Question,
  textAnswer,
  type ToolAnswer,
  type ToolRow,
  type Turn,
} from "./fixture_model.ts";
import { enumForm, profileForm } from "./fixture_schemas.ts";

const form = (message: string, requestedSchema: Json): Question => ({
  method: "elicitation/create",
  params: { mode: "form", message, requestedSchema },
});

const field = (name: string, type: "string" | "boolean"): Json => ({
  type: "object",
  properties: { [name]: { type } },
  required: [name],
});

const sampling = (prompt: string, maxTokens = 100): Question => ({
  method: "sampling/createMessage",
  params: { messages: [{ role: "user", content: { type: "text", text: prompt } }], maxTokens },
});

const roots: Question = { method: "roots/list", params: {} };

/** What the model said, from an answer to a sampling question. */
function saidIn(answer: Json | undefined): string {
  const content = answer?.["content"] as Json | undefined;
  return String(content?.["text"] ?? content?.["type"]);
}

async function sample(prompt: string, turn: Turn): Promise<ToolAnswer> {
  const { answer } = await turn.ask({ answer: sampling(prompt) });
  return textAnswer(`LLM response: ${saidIn(answer)}`);
}

async function elicit(message: string, schema: Json, turn: Turn): Promise<ToolAnswer> {
  const { answer } = await turn.ask({ answer: form(message, schema) });
  return textAnswer(
    `User response: ${answer?.["action"]} ${JSON.stringify(answer?.["content"] ?? {})}`,
  );
}

/** Puts one question and answers with what came back. */
const askOne =
  (key: string, question: Question, sealed?: "sealed"): ToolRow["run"] => async (_args, turn) => {
    const answers = await turn.ask({ [key]: question }, sealed);
    return textAnswer(`Got ${JSON.stringify(answers[key])}`);
  };

const promptSchema: ObjectSchema = {
  type: "object",
  properties: { prompt: { type: "string", description: "What to ask the model" } },
  required: ["prompt"],
};
const messageSchema: ObjectSchema = {
  type: "object",
  properties: { message: { type: "string", description: "What to ask the person" } },
  required: ["message"],
};
const userForm = {
  type: "object",
  properties: {
    username: { type: "string", description: "Name to use" },
    email: { type: "string", description: "Address to write to" },
  },
  required: ["username", "email"],
};

/** Asks only what the client declared that it can answer. */
async function askWhatIsDeclared(turn: Turn): Promise<ToolAnswer> {
  const questions = {
    ...(turn.capabilities["sampling"] === undefined ? {} : { model: sampling("Say hello") }),
    ...(turn.capabilities["elicitation"] === undefined
      ? {}
      : { person: form("Your name?", field("name", "string")) }),
  };
  if (Object.keys(questions).length === 0) return textAnswer("No client can be asked");
  return textAnswer(JSON.stringify(await turn.ask(questions)));
}

async function askTwice(turn: Turn): Promise<ToolAnswer> {
  const first = await turn.ask({ step1: form("Your name?", field("name", "string")) }, "sealed");
  const second = await turn.ask(
    { step2: form("Your favourite colour?", field("color", "string")) },
    "sealed",
  );
  return textAnswer(JSON.stringify({ ...first, ...second }));
}

/** Every tool that asks, by its name. */
export const askingTools: Readonly<Record<string, ToolRow>> = {
  test_sampling: {
    about: "Asks the client's model",
    schema: promptSchema,
    run: ({ prompt }, turn) => sample(String(prompt), turn),
  },
  test_elicitation: {
    about: "Asks the person at the client",
    schema: messageSchema,
    run: ({ message }, turn) => elicit(String(message), userForm, turn),
  },
  test_elicitation_sep1034_defaults: {
    about: "Asks with a default for every kind of field",
    run: (_args, turn) => elicit("Please check these fields", profileForm, turn),
  },
  test_elicitation_sep1330_enums: {
    about: "Asks with every form of choice",
    run: (_args, turn) => elicit("Please choose", enumForm, turn),
  },
  test_missing_capability: {
    about: "Asks the client's model, whether or not there is one",
    run: (_args, turn) => sample("Reply with one word", turn),
  },
  test_streaming_elicitation: {
    about: "Reports progress, then asks the person at the client",
    run: async (_args, turn) => {
      await turn.progress(1, "About to ask");
      return await elicit("Go on?", field("ok", "boolean"), turn);
    },
  },
  test_input_required_result_elicitation: {
    about: "Asks for a name",
    run: askOne("user_name", form("What is your name?", field("name", "string"))),
  },
  test_input_required_result_sampling: {
    about: "Asks the model for a capital",
    run: askOne("capital_question", sampling("What is the capital of France?")),
  },
  test_input_required_result_list_roots: {
    about: "Asks for the client's roots",
    run: askOne("client_roots", roots),
  },
  test_input_required_result_request_state: {
    about: "Asks, and wants its state back",
    run: async (_args, turn) => {
      const ask = { confirm: form("Please confirm", field("ok", "boolean")) };
      await turn.ask(ask, "sealed");
      return textAnswer("state-ok");
    },
  },
  test_input_required_result_tampered_state: {
    about: "Asks, and wants its state back unharmed",
    run: askOne("confirm", form("Please confirm", field("ok", "boolean")), "sealed"),
  },
  test_input_required_result_multiple_inputs: {
    about: "Asks three things at once",
    run: async (_args, turn) =>
      textAnswer(JSON.stringify(
        await turn.ask({
          user_name: form("What is your name?", field("name", "string")),
          greeting: sampling("Write a greeting", 50),
          client_roots: roots,
        }, "sealed"),
      )),
  },
  test_input_required_result_multi_round: {
    about: "Asks twice, one after the other",
    run: (_args, turn) => askTwice(turn),
  },
  test_input_required_result_capabilities: {
    about: "Asks what the client can answer",
    run: (_args, turn) => askWhatIsDeclared(turn),
  },
};
