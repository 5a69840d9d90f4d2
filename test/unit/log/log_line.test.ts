/** A record as a line: for a pipe, and for a terminal with colours or without. */
import { describe, expect, test } from "bun:test";
import { terminalLook, toLine } from "../../../src/log_line.ts";

const time = "2026-11-28T13:04:05.678Z";
const record = { time, level: "WARN", source: "upstream.files", message: "It is slow" };
const fields = { ms: 1200, reason: "no answer", path: "/a", nothing: null, list: ["a", 1] };
const shown = 'ms=1200 reason="no answer" path=/a nothing=null list=["a",1]';

const named = (mark: string, text: string) => `<${mark}>${text}</${mark}>`;
const at = (moment: string, mark: (mark: string, text: string) => string = (_, text) => text) =>
  terminalLook(mark, () => Date.parse(moment));

/** As this machine's zone shows it; this locale has the order of ISO 8601. */
const local = new Date(time).toLocaleString("sv-SE");
const [day = "", clock = ""] = local.split(" ");

describe("a line of the log", () => {
  test("has the whole time and no marks off a terminal", () => {
    expect(toLine({ ...record, ...fields })).toBe(
      `${time} WARN  upstream.files It is slow ${shown}`,
    );
    expect(toLine(record)).toBe(`${time} WARN  upstream.files It is slow`);
  });

  test("has the local time of day on a terminal, and the day if that is another", () => {
    expect(toLine(record, at(time))).toBe(`${clock} WARN  upstream.files It is slow`);
    expect(toLine(record, at("2026-12-05T13:00:00Z"))).toBe(
      `${day} ${clock} WARN  upstream.files It is slow`,
    );
  });

  test("shows a time that is none as it is", () => {
    expect(toLine({ ...record, time: "yesterday" }, at(time))).toMatch(/^yesterday WARN/);
  });

  test("marks the level, and lets time and fields step back", () => {
    const lines = ["DEBUG", "INFO", "WARN", "ERROR", "odd"].map((level) =>
      toLine({ ...record, level, path: "/a" }, at(time, named))
    );
    const rest = "upstream.files It is slow <faint>path=/a</faint>";
    expect(lines).toEqual([
      `<faint>${clock}</faint> <faint>DEBUG</faint> ${rest}`,
      `<faint>${clock}</faint> <good>INFO </good> ${rest}`,
      `<faint>${clock}</faint> <warn>WARN </warn> ${rest}`,
      `<faint>${clock}</faint> <bad>ERROR</bad> ${rest}`,
      `<faint>${clock}</faint> <faint>odd  </faint> ${rest}`,
    ]);
  });

  test("H4 has no control character of a record, in whichever part and look", () => {
    const evil = "a\u001b[31mb\r\nc\u202ed";
    const hostile = {
      time: evil,
      level: evil,
      source: evil,
      message: evil,
      [evil]: evil,
      plain: { [evil]: evil },
    };
    for (const look of [undefined, at(time), at(time, named)]) {
      expect(toLine(hostile, look)).toMatch(/^[\x20-\x7e]*$/);
      expect(toLine(hostile, look)).toContain("a\\u001b[31mb\\r\\nc\\u202ed");
    }
  });
});
