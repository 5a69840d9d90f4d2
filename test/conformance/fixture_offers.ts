/**
 * The resources, prompts and completions of the conformance fixtures, as rows of the names that the
 * official suite asks for. Tools are in fixture_tools.ts and fixture_questions.ts.
 */
import { type Content, type Json, type PromptRow, textBlock } from "./fixture_model.ts";
import { listedSkills, skillFileOf } from "./fixture_skills.ts";

/** A red pixel as PNG. */
export const pixelPng =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

/** What a resource holds. */
export type Contents =
  & Json
  & { uri: string; mimeType: string }
  & (
    { text: string } | { blob: string }
  );

const resources: Readonly<Record<string, { about: string; contents: Contents }>> = {
  "test://static-text": {
    about: "A text that never changes",
    contents: {
      uri: "test://static-text",
      mimeType: "text/plain",
      text: "This is the content of the static text resource.",
    },
  },
  "test://static-binary": {
    about: "An image that never changes",
    contents: { uri: "test://static-binary", mimeType: "image/png", blob: pixelPng },
  },
  "test://watched-resource": {
    about: "A text to subscribe to",
    contents: { uri: "test://watched-resource", mimeType: "text/plain", text: "Watched" },
  },
};

/** The resources as they are listed. */
export const listedResources = [
  ...Object.entries(resources).map(([uri, { about, contents }]) => ({
    uri,
    name: uri.slice("test://".length),
    description: about,
    mimeType: contents.mimeType,
  })),
  ...listedSkills,
];

/** The templates as they are listed. */
export const listedTemplates = [{
  uriTemplate: "test://template/{id}/data",
  name: "template",
  description: "Data of one id",
  mimeType: "application/json",
}];

const templatePattern = /^test:\/\/template\/([^/]+)\/data$/;

/** What a URI holds, or undefined. */
export function contentsOf(uri: string): Contents | undefined {
  const known = resources[uri];
  if (known !== undefined) return known.contents;
  const text = skillFileOf(uri);
  if (text !== undefined) return { uri, mimeType: "text/markdown", text };
  const id = templatePattern.exec(uri)?.[1];
  if (id === undefined) return undefined;
  const data = { id, templateTest: true, data: `Data for ID: ${id}` };
  return { uri, mimeType: "application/json", text: JSON.stringify(data) };
}

const contextSchema = {
  type: "object",
  properties: { context: { type: "string" } },
  required: ["context"],
};

/** Every prompt by its name. */
export const prompts: Readonly<Record<string, PromptRow>> = {
  test_simple_prompt: {
    about: "One text",
    say: () => [textBlock("This is a simple prompt for testing.")],
  },
  test_prompt_with_arguments: {
    about: "A text with two arguments in it",
    arguments: [
      { name: "arg1", description: "First", required: true },
      { name: "arg2", description: "Second", required: true },
    ],
    say: ({ arg1, arg2 }) => [textBlock(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
  },
  test_prompt_with_embedded_resource: {
    about: "A resource and a text",
    arguments: [{ name: "resourceUri", description: "The resource's URI", required: true }],
    say: ({ resourceUri }) => [
      {
        type: "resource",
        resource: { uri: resourceUri, mimeType: "text/plain", text: "An embedded resource" },
      },
      textBlock("Please look at the resource above."),
    ],
  },
  test_prompt_with_image: {
    about: "An image and a text",
    say: () => [
      { type: "image", data: pixelPng, mimeType: "image/png" },
      textBlock("Please look at the image above."),
    ],
  },
  test_input_required_result_prompt: {
    about: "A text that the person at the client decides",
    say: async (_args, turn) => {
      const { user_context } = await turn.ask({
        user_context: {
          method: "elicitation/create",
          params: {
            mode: "form",
            message: "Which context shall the prompt have?",
            requestedSchema: contextSchema,
          },
        },
      });
      return [textBlock(`Use this context: ${JSON.stringify(user_context?.["content"])}`)];
    },
  },
};

/** The prompts as they are listed. */
export const listedPrompts = Object.entries(prompts).map(([name, row]) => ({
  name,
  description: row.about,
  ...(row.arguments === undefined ? {} : { arguments: [...row.arguments] }),
}));

/** A prompt's messages. */
export const messagesOf = (said: readonly Content[]) =>
  said.map((content) => ({ role: "user" as const, content }));

/** Words that begin as the given one does. */
export function completionOf(value: string) {
  const values = ["paris", "park", "party"].filter((word) => word.startsWith(value));
  return { completion: { values, total: values.length, hasMore: false } };
}
