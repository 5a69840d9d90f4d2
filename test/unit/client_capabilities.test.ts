/** What each kind of question needs a client to have declared: every row of the table. */
import { describe, expect, test } from "bun:test";
import {
  isQuestion,
  lacking,
  missingCapability,
  requirements,
} from "../../src/client_capabilities.ts";
import type { JsonObject } from "../../src/model.ts";

const roots = "roots/list";
const sampling = "sampling/createMessage";
const elicitation = "elicitation/create";
const used = (type: string) => ({ messages: [{ role: "user", content: [{ type }] }] });

/** Method, params, capabilities, and what of these is lacking. */
const cases: readonly [string, JsonObject, JsonObject, string | undefined][] = [
  [roots, {}, { roots: {} }, undefined],
  [roots, {}, { roots: { listChanged: true } }, undefined],
  [roots, {}, {}, "roots"],
  [roots, {}, { roots: true }, "roots"],
  [roots, {}, Object.create({ roots: {} }), "roots"],
  [sampling, {}, { sampling: {} }, undefined],
  [sampling, {}, { sampling: { tools: {} } }, undefined],
  [sampling, {}, { elicitation: {} }, "sampling"],
  [sampling, used("text"), { sampling: {} }, undefined],
  [sampling, { tools: [] }, { sampling: { tools: {} } }, undefined],
  [sampling, { tools: [] }, { sampling: {} }, "sampling.tools"],
  [sampling, { tools: [] }, {}, "sampling"],
  [sampling, { toolChoice: {} }, { sampling: {} }, "sampling.tools"],
  [sampling, used("tool_use"), { sampling: {} }, "sampling.tools"],
  [sampling, used("tool_result"), { sampling: {} }, "sampling.tools"],
  [sampling, { messages: [{ content: { type: "tool_use" } }] }, { sampling: {} }, "sampling.tools"],
  [elicitation, {}, { elicitation: {} }, undefined],
  [elicitation, {}, { elicitation: { form: {} } }, undefined],
  [elicitation, {}, {}, "elicitation"],
  [elicitation, {}, { elicitation: { url: {} } }, "elicitation.form"],
  [elicitation, { mode: "form" }, { elicitation: { url: {}, form: {} } }, undefined],
  [elicitation, { mode: "url" }, { elicitation: { url: {} } }, undefined],
  [elicitation, { mode: "url" }, { elicitation: {} }, "elicitation.url"],
  [elicitation, { mode: "url" }, { elicitation: { form: {} } }, "elicitation.url"],
  [elicitation, { mode: "url" }, {}, "elicitation"],
  ["ping", {}, { roots: {} }, "ping"],
  ["constructor", {}, {}, "constructor"],
];

describe("a client", () => {
  for (const [method, params, capabilities, lacks] of cases) {
    const declared = JSON.stringify(capabilities);
    test(`${method} ${JSON.stringify(params)} of ${declared}: ${lacks ?? "may be asked"}`, () => {
      expect(missingCapability({ method, params }, capabilities)?.lacks).toBe(lacks);
    });
  }

  test("names the whole place of what is missing, and whether a part of it is there", () => {
    const page = { method: elicitation, params: { mode: "url" } };
    const required = { elicitation: { url: {} } };
    expect(missingCapability(page, {}))
      .toEqual({ required, lacks: "elicitation", isWhole: true });
    expect(missingCapability(page, { elicitation: {} }))
      .toEqual({ required, lacks: "elicitation.url", isWhole: false });
  });
});

test("every row of the table is met by one of these cases, and refused by another", () => {
  for (const { method, mode, applies, needs } of requirements) {
    const outcomes = cases.filter((one) =>
      one[0] === method &&
      requirements.find((row) => row.method === method && row.applies(one[1], one[2]))?.needs ===
        needs &&
      applies(one[1], one[2])
    ).map(([, , , lacks]) => lacks === undefined);
    expect([mode, outcomes.includes(true), outcomes.includes(false)]).toEqual([mode, true, true]);
  }
});

test("questions are distinguished from the other requests of servers", () => {
  expect([roots, sampling, elicitation].every(isQuestion)).toBe(true);
  expect(["ping", "tasks/get", "constructor"].some(isQuestion)).toBe(false);
});

test("an error names all that is lacking, merged", () => {
  const error = lacking([{ sampling: { tools: {} } }, { elicitation: {} }, { sampling: {} }]);
  expect(error.code).toBe("capability_missing");
  expect(error.data?.["requiredCapabilities"])
    .toEqual({ sampling: { tools: {} }, elicitation: {} });
});
