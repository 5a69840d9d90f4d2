/** Reading test reports: what CI's last lines say must be true. */
import { expect, test } from "bun:test";
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
  const expected = { passed: 2, failed: 1, skipped: 1, failures: ["g > two <>\nno &\nnever"] };
  expect(reportOfJunit(bunReport)).toEqual(expected);
  expect(reportOfJunit(denoReport)).toEqual(expected);
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
