/**
 * The rules of the operator's page, as rows like those of the source tree (tidy_rules.ts): what it
 * may load, how it may touch the document, and how long its files may be. A rule takes the files of
 * `src/page`, without those of other projects.
 */
import { posix } from "node:path";
import { functionsOf, importsOf, numbersOf, scan, type SourceFile } from "./source.ts";
import type { Rule } from "./tidy_rules.ts";

const bad = (path: string, text: string): SourceFile => ({ path, text });

const isScript = ({ path }: SourceFile) => path.endsWith(".js");

/** A rule that looks at each script by itself. */
const eachScript = (look: (file: SourceFile) => readonly string[]): Rule["check"] => (files) =>
  files.filter(isScript).flatMap((file) => look(file).map((found) => `${file.path}: ${found}`));

const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([match]) => match.trim());

/** Where a relative import leads. */
const targetOf = (path: string, specifier: string) =>
  posix.normalize(posix.join(posix.dirname(path), specifier));

const folder = "src/page/";
const linesMax = 300;
const functionLinesMax = 70;
const numberMax = 1_000;

/** Ways to make markup of a text, to run a text, or to keep something beyond the tab. */
const unsafe =
  /\b(?:innerHTML|outerHTML|insertAdjacentHTML|setHTMLUnsafe|srcdoc|document\.write|createContextualFragment|unsafeHTML|DOMParser|eval|Function|localStorage|indexedDB|cookie|importScripts)\b(?=\s*[(=.,;[)]|$)/g;

/** Attributes and calls with inline styles, which the policy of the page refuses. */
const inlineStyle = /\sstyle=|setAttribute\(\s*["']style/g;

function unreached(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const visit = (path: string) => {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) return;
    reached.add(path);
    for (const specifier of importsOf(file.text)) visit(targetOf(path, specifier));
  };
  visit(`${folder}app.js`);
  return files.filter(isScript).map(({ path }) => path).filter((path) => !reached.has(path))
    .map((path) => `${path} is not reachable from app.js`);
}

const long = (lines: number) => "  a();\n".repeat(lines);

/** The rules. */
export const pageRules: readonly Rule[] = [
  {
    name: "a script of the page imports only files of the page",
    check: eachScript(({ path, text }) =>
      importsOf(text).filter((specifier) =>
        !/^\.\.?\/.*\.js$/.test(specifier) || !targetOf(path, specifier).startsWith(folder)
      )
    ),
    bad: [
      bad("src/page/app.js", 'import { html } from "lit-html";'),
      bad("src/page/app.js", 'import { a } from "https://example.com/a.js";'),
      bad("src/page/app.js", 'import { a } from "../model.ts";'),
      bad("src/page/app.js", 'import { a } from "../http/a.js";'),
    ],
  },
  {
    name: "no dead script of the page",
    check: unreached,
    bad: [bad("src/page/app.js", ""), bad("src/page/other.js", "")],
  },
  {
    name: "the page makes no markup of texts, and runs none",
    check: eachScript(({ text }) => found(scan(text).code, unsafe)),
    bad: [
      bad("src/page/app.js", "a.innerHTML = b;"),
      bad("src/page/app.js", "document.write(a);"),
      bad("src/page/app.js", "localStorage.setItem(a, b);"),
      bad("src/page/app.js", "new Function(a);"),
    ],
  },
  {
    name: "the page has no inline styles",
    check: eachScript(({ text }) => found(scan(text).uncommented, inlineStyle)),
    bad: [bad("src/page/app.js", 'html`<p style="color: red">`')],
  },
  {
    name: "markup and styles of the page load nothing from elsewhere, and have no inline scripts",
    check: (files) =>
      files.filter((file) => !isScript(file) && !file.path.endsWith("/app_frame.html"))
        .flatMap(({ path, text }) =>
          found(
            text,
            /(?:src|href|url\()\s*=?\s*["'(]?(?:https?:)?\/\/\S*|@import|<style|<script>/g,
          )
            .map((match) => `${path}: ${match}`)
        ),
    bad: [
      bad("src/page/index.html", '<script src="https://example.com/a.js"></script>'),
      bad("src/page/index.html", "<script>run()</script>"),
      bad("src/page/page.css", '@import "other.css";'),
      bad("src/page/page.css", "a { background: url(//example.com/a.png); }"),
    ],
  },
  {
    name: "every script of the page says first what it owns",
    check: eachScript(({ text }) =>
      /^\/\*\*\s*\S/.test(text) ? [] : ["does not open with a comment"]
    ),
    bad: [bad("src/page/app.js", "const a = 1;")],
  },
  {
    name: `no script of the page is longer than ${linesMax} lines`,
    check: eachScript(({ text }) => {
      const lines = text.trimEnd().split("\n").length;
      return lines > linesMax ? [`${lines} lines`] : [];
    }),
    bad: [bad("src/page/app.js", long(linesMax + 1))],
  },
  {
    name: `no function of the page is longer than ${functionLinesMax} lines`,
    check: eachScript(({ text }) =>
      functionsOf(text).filter(({ lines }) => lines > functionLinesMax)
        .map(({ line, lines }) => `line ${line}: ${lines} lines`)
    ),
    bad: [bad("src/page/app.js", `function f(a) {\n${long(functionLinesMax)}}`)],
  },
  {
    name: `no number of ${numberMax} or more in the page outside bounds.js and format.js`,
    check: eachScript(({ path, text }) =>
      /\/(?:bounds|format)\.js$/.test(path)
        ? []
        : numbersOf(text).filter((value) => value >= numberMax && !errorCodes.has(value)).map(
          String,
        )
    ),
    bad: [bad("src/page/app.js", "const a = 5_000;")],
  },
];

/** Codes of JSON-RPC, without their sign. */
const errorCodes = new Set([32_601, 32_603]);
