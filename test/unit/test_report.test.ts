/** Reading test reports: what CI's last lines say must be true. */
import { expect, test } from "bun:test";
import { default as reportOfNode } from "../support/node_reporter.ts";
import { countsOfText, reportOfJunit } from "../support/test_report.ts";

const bunReport = `<testsuites><testsuite name="a.test.ts" tests="4" failures="1" skipped="1">
  <testsuite name="g"><testcase name="one" classname="g" assertions="0" />
    <testcase name="two &lt;&gt;" classname="g"><failure type="AssertionError">no &amp;&#10;never</failure></testcase>
    <testcase name="s"><skipped /></testcase></testsuite>
  <testcase name="top" classname="" /></testsuite></testsuites>`;

const denoReport = `<testsuites name="deno test"><testsuite name="shim.ts" failures="1">
  <testcase name="g" classname="./shim.ts" line="21"><failure message="1 test step failed">…</failure></testcase>
  <testcase name="top" classname="./shim.ts" line="12">
  </testcase></testsuite>
  <testsuite name="steps"><testcase name="g &gt; one">
  </testcase><testcase name="g &gt; two &lt;&gt;"><failure message="no">no &amp;
never</failure></testcase>
  <testcase name="g &gt; s"><skipped/></testcase></testsuite></testsuites>`;

test("the same tests count the same on Bun and on Deno, and failed ones say why", () => {
  const expected = {
    ...{ passed: 2, passedNames: expect.arrayContaining(["g > one", "top"]) as string[] },
    ...{ failed: 1, skipped: 1, failures: ["g > two <>\nno &\nnever"] },
  };
  expect(reportOfJunit(bunReport)).toEqual(expected);
  expect(reportOfJunit(denoReport)).toEqual(expected);
});

test("what Node tells of its tests counts the same, and a group fails for its hook alone", async () => {
  const suite = (failureType?: string) => ({
    type: "suite",
    ...(failureType && { error: Object.assign(new Error("no &\nnever"), { failureType }) }),
  });
  const error = Object.assign(new Error("1"), { cause: "no &\nnever" });
  const events = [
    { type: "test:start", data: { name: "g", nesting: 0 } },
    { type: "test:start", data: { name: "one", nesting: 1 } },
    { type: "test:pass", data: { name: "one", nesting: 1, details: { type: "test" } } },
    { type: "test:start", data: { name: "two <>", nesting: 1 } },
    { type: "test:fail", data: { name: "two <>", nesting: 1, details: { type: "test", error } } },
    { type: "test:pass", data: { name: "s", nesting: 1, skip: true, details: { type: "test" } } },
    { type: "test:fail", data: { name: "g", nesting: 0, details: suite("subtestsFailed") } },
    { type: "test:start", data: { name: "top", nesting: 0 } },
    { type: "test:pass", data: { name: "top", nesting: 0, details: { type: "test" } } },
    { type: "test:diagnostic", data: {} },
  ];
  const read = async (list: typeof events) => {
    const pieces: string[] = [];
    const source = async function* () {
      yield* list;
    };
    for await (const piece of reportOfNode(source())) pieces.push(piece);
    return reportOfJunit(pieces.join(""));
  };
  const expected = {
    ...{ passed: 2, passedNames: expect.arrayContaining(["g > one", "top"]) as string[] },
    ...{ failed: 1, skipped: 1, failures: ["g > two <>\nno &\nnever"] },
  };
  expect(await read(events)).toEqual(expected);
  const hook = { name: "g", nesting: 0, details: suite("hookFailed") };
  const failed = await read([...events.slice(0, 3), { type: "test:fail", data: hook }]);
  expect([failed.passed, failed.failed]).toEqual([1, 1]);
  expect(failed.failures[0]).toContain("no &\nnever");
});

test("a failure without a text is reported by its message", () => {
  const xml =
    `<testcase name="t" classname=""><failure type="E" message="timed &quot;out&quot;" /></testcase>`;
  expect(reportOfJunit(xml).failures).toEqual(['t\ntimed "out"']);
});

test("a report's last line is the one that counts", () => {
  expect(countsOfText("1 passed, 0 failed\nmore\n30 passed, 2 failed\n")).toEqual({
    passed: 30,
    failed: 2,
    skipped: 0,
  });
  expect(countsOfText("0 passed, 0 failed, 1 skipped\n")?.skipped).toBe(1);
  expect(countsOfText("30 of 30 passed")).toBe(undefined);
});
