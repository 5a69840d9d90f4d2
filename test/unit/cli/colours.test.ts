/** Which outputs get colours. */
import { expect, test } from "bun:test";
import { colour, styleMarks, wantsColours } from "../../../src/cli/colours.ts";

test("a terminal gets colours, and no other output, unless the environment says otherwise", () => {
  const rows: [Record<string, string>, onTerminal: boolean, elsewhere: boolean][] = [
    [{}, true, false],
    [{ TERM: "xterm-256color" }, true, false],
    [{ TERM: "dumb" }, false, false],
    [{ NO_COLOR: "" }, true, false],
    [{ NO_COLOR: "1" }, false, false],
    [{ FORCE_COLOR: "1" }, true, true],
    [{ FORCE_COLOR: "1", TERM: "dumb" }, true, true],
    [{ FORCE_COLOR: "0" }, false, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false, false],
  ];
  for (const [env, onTerminal, elsewhere] of rows) {
    expect([wantsColours(env, true), wantsColours(env, false)]).toEqual([onTerminal, elsewhere]);
  }
});

test("a text in a colour is that text between two marks", () => {
  expect(colour("bad", "no").split(styleMarks)).toEqual(["", "\u001b[31m", "no", "\u001b[0m", ""]);
});
