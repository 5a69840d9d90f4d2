/**
 * Makes `src/page/vendor/lit-html.js`, the one file of another project that the operator's page
 * loads, from the lit-html of `package.json`: `bun packaging/lit_html.ts`. The modules of the
 * package stand in the file as they are published, each in a function of its own, so that its text
 * depends on the package's version and on nothing else. Also the licence stands in it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const source = join(root, "node_modules", "lit-html");

/** The file that is made. */
export const litFile = join(root, "src", "page", "vendor", "lit-html.js");

/** The modules, each after those that it imports, and what the page takes of them. */
const modules: Readonly<Record<string, readonly string[]>> = {
  "lit-html.js": ["html", "svg", "nothing", "noChange", "render"],
  "directive.js": [],
  "directive-helpers.js": [],
  "directives/repeat.js": ["repeat"],
  "directives/live.js": ["live"],
};

const importForm = /import\{([^}]*)\}from"([^"]+)";/g;
const exportForm = /export\{([^}]*)\};?/;

/** The text of the file. */
export function litHtmlText(): string {
  const read = (path: string) => readFileSync(join(source, path), "utf8");
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const parts = Object.entries(modules).flatMap(([path, taken]) => [
    toFunction(path, read(path)),
    ...(taken.length === 0 ? [] : [`export const { ${taken.join(", ")} } = ${nameOf(path)};`]),
  ]);
  return [
    `/*! lit-html ${version}, https://lit.dev`,
    "",
    "Made by packaging/lit_html.ts; do not edit it.",
    "",
    read("LICENSE").trim(),
    "*/",
    ...parts,
    "",
  ].join("\n");
}

/** The variable of a module: its path in letters. */
const nameOf = (path: string): string => `$${path.replace(/\.js$/, "").replace(/\W+/g, "_")}`;

/** One module as a function whose result has its exports as members. */
function toFunction(path: string, text: string): string {
  const exported = exportForm.exec(text)?.[1];
  if (exported === undefined) throw new Error(`Cannot read ${path}: it exports nothing`);
  const body = text
    .replace(/\/\*\*[\s\S]*?\*\//g, "")
    .replace(/^\/\/# sourceMappingURL.*$/m, "")
    .replace(
      importForm,
      (_, names: string, from: string) =>
        `const{${names.replaceAll(" as ", ":")}}=${nameOf(join(dirname(path), from))};`,
    )
    .replace(exportForm, "")
    .trim();
  if (/\b(?:import|export)\b[\s{]/.test(body)) {
    throw new Error(`Cannot read ${path}: it imports or exports in an unknown form`);
  }
  const members = exported.split(",").map((pair) => {
    const [own = "", name = own] = pair.trim().split(" as ");
    return `${name}:${own}`;
  });
  return `const ${nameOf(path)} = (() => {\n${body}\nreturn{${members.join(",")}};\n})();`;
}

if (import.meta.main) writeFileSync(litFile, litHtmlText());
