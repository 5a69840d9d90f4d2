/**
 * The questions of a server during a call, put to the person at the terminal: forms field by field,
 * pages by their URL. What only a program with a model or a workspace can answer is refused.
 */
import { GatewayError } from "../errors.ts";
import type { Answer, Ask, JsonObject } from "../model.ts";
import type { CommandContext } from "./command.ts";
import { type FormField, readFields, readValue } from "./form_fields.ts";
import { toVisible } from "./visible_text.ts";

/** What a person at a terminal can be asked, as clients declare it. */
export const personCapabilities: JsonObject = { elicitation: { form: {}, url: {} } };

/** Asks the person. */
export async function askPerson(context: CommandContext, ask: Ask): Promise<Answer> {
  const { terminal } = context;
  const { method, params } = ask;
  if (method !== "elicitation/create") {
    terminal.note(`The server asks by ${method}, which the command line declines`);
    return { kind: "refusal", ...new GatewayError("ask_unanswerable").toRpc() };
  }
  terminal.note(`The server asks: ${toVisible(String(params["message"] ?? ""))}`);
  const value = params["mode"] === "url"
    ? await askForPage(context, String(params["url"]))
    : await askForForm(context, readFields(params["requestedSchema"]));
  return { kind: "answer", value };
}

const declined: JsonObject = { action: "decline" };

async function askForPage({ terminal }: CommandContext, url: string): Promise<JsonObject> {
  terminal.note(`It wants you to open ${toVisible(url)}`);
  terminal.note("Look at the address first: the page may ask for secrets");
  const reply = await terminal.ask("Have you opened it, and may the call go on? [y/N]");
  return isYes(reply) ? { action: "accept" } : declined;
}

async function askForForm(
  { terminal }: CommandContext,
  fields: readonly FormField[],
): Promise<JsonObject> {
  const reply = await terminal.ask(fields.length === 0 ? "Agree? [y/N]" : "Answer it? [y/N]");
  if (!isYes(reply)) return declined;
  const content: JsonObject = {};
  for (const field of fields) {
    const value = await askForField(terminal, field);
    if (value !== undefined) content[field.key] = value;
  }
  return { action: "accept", content };
}

async function askForField(
  { ask, note }: CommandContext["terminal"],
  field: FormField,
): Promise<unknown> {
  if (field.description !== undefined) note(`  ${toVisible(field.description)}`);
  for (const [index, { title }] of field.choices.entries()) {
    note(`  ${index + 1}) ${toVisible(title)}`);
  }
  for (;;) {
    const text = await ask(`${toVisible(field.title)}${hintOf(field)}:`);
    const read = readValue(field, text);
    if (read.problem === undefined) return read.value;
    note(`  ${read.problem}`);
  }
}

function hintOf({ type, fallback, isRequired, choices }: FormField): string {
  const kind = choices.length > 0
    ? type === "array" ? "numbers, by commas" : "number"
    : type === "boolean"
    ? "y/n"
    : type;
  const empty = fallback !== undefined
    ? `; empty: ${toVisible(JSON.stringify(fallback))}`
    : isRequired
    ? ""
    : "; may be empty";
  return ` (${kind}${empty})`;
}

function isYes(reply: string): boolean {
  return /^y(?:es)?$/i.test(reply);
}
