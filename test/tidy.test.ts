/**
 * The shape of the source tree, derived from its text: layers, seams, sizes and words (rules in
 * support/tidy_rules.ts), the public entry points, exact versions, snippets of the README, and the
 * case numbers that must each have a test.
 */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse as parseJsonc, type ParseError } from "jsonc-parser";
import { defaultLimits } from "../src/limits.ts";
import { brokenRelations } from "../src/limits/relations.ts";
import {
  casesOf,
  faultCases,
  namesOf,
  openCases,
  requiredCases,
  titlesOf,
} from "./support/cases.ts";
import { docPages } from "./support/doc_pages.ts";
import { functionsOf, importsOf, numbersOf, scan, type SourceFile } from "./support/source.ts";
import { pageFiles } from "../src/http/admin/page_names.ts";
import { pageRules } from "./support/page_rules.ts";
import { rules } from "./support/tidy_rules.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const readJson = (path: string) => JSON.parse(read(path)) as Record<string, unknown>;

function filesBelow(folder: string, form = /\.ts$/): SourceFile[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => form.test(name))
    .map((name) => `${folder}/${name}`.replaceAll("\\", "/"))
    .sort()
    .map((path) => ({ path, text: read(path) }));
}

/** The page in the browser has rules of its own. */
const source = filesBelow("src").filter(({ path }) => !path.startsWith("src/page/"));
const operatorPage = filesBelow("src/page", /\.(?:js|css|html|svg)$/)
  .filter(({ path }) => !path.startsWith("src/page/vendor/"));
/** What a person reads besides README. */
const pages = docPages;
const tests = filesBelow("test").filter(({ path }) =>
  path.endsWith(".test.ts") && path !== "test/tidy.test.ts"
);

describe("the source tree", () => {
  for (const rule of rules) {
    test(rule.name, () => expect(rule.check(source)).toEqual([]));
  }
});

describe("the operator's page", () => {
  for (const rule of pageRules) {
    test(rule.name, () => expect(rule.check(operatorPage)).toEqual([]));
  }

  test("is served with all its files, and with no others", () => {
    const files = readdirSync(join(root, "src/page"), { recursive: true, encoding: "utf8" })
      .map((name) => name.replaceAll("\\", "/"))
      .filter((name) => /\.(?:js|css|html|svg)$/.test(name));
    expect([...pageFiles].sort()).toEqual(files.sort());
  });
});

test("the bounds keep their relations", () => {
  expect(brokenRelations(defaultLimits)).toEqual([]);
});

describe("the rules themselves", () => {
  for (const rule of [...rules, ...pageRules]) {
    test(`a breach is found: ${rule.name}`, () => {
      const together = /circle|dead|unique/.test(rule.name);
      const samples = together ? [rule.bad] : rule.bad.map((file) => [file]);
      for (const sample of samples) expect(rule.check(sample)).not.toEqual([]);
    });
  }

  test("text and comments are not code", () => {
    const { code } = scan("const a = 'x // y'; // \"z\"\nconst b = /[/'\"]/g; f(`${c} d`);");
    expect(code).not.toMatch(/[xyzd]\b/);
    expect(code).toContain("const b =");
    expect(code).toContain("c}");
  });

  test("every form of import is seen", () => {
    const text = `import type { A } from "./a.ts";\nimport {\n  b,\n} from "./b.ts";
export * from "./c.ts";\nimport "./d.ts";\nconst e = await import("./e.ts");
// import x from "./x.ts";`;
    expect(importsOf(text)).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts"]);
  });

  test("branches and objects are not functions", () => {
    expect(functionsOf("if (a) {\n}\nfor (const b of c()) {\n}\nconst d = {\n};")).toEqual([]);
  });

  test("a function with a return type and one with a braced argument are", () => {
    const text =
      "function f({ a }: { a: string }): Promise<void> {\n}\nconst g = (x: X): Y => {\n};";
    expect(functionsOf(text).map(({ line }) => line)).toEqual([1, 3]);
  });

  test("the lines of an inner function are its own", () => {
    const text = "function f() {\n  const g = () => {\n\n  };\n  return {\n    g,\n  };\n}";
    expect(functionsOf(text).map(({ lines }) => lines)).toEqual([3, 5]);
  });

  test("the whole length of a function has its inner functions in it", () => {
    const text = "function f() {\n  const g = () => {\n\n  };\n  return {\n    g,\n  };\n}";
    expect(functionsOf(text).map(({ grossLines }) => grossLines)).toEqual([3, 8]);
  });

  test("numbers in names and text do not count", () => {
    expect(numbersOf("const sha2048 = '4096'; f(1_000, 0x10, a.b2000);")).toEqual([1000, 16]);
  });

  test("case numbers are read from the beginning of a test's name", () => {
    const text = 'test("A1 broken JSON", …); describe(`D1, D2 and D4 ids`, …); test("see A9", …)';
    expect(namesOf(text).flatMap(casesOf)).toEqual(["A1", "D1", "D2", "D4"]);
  });
});

describe("the project", () => {
  test("offers the same entry points to npm and to Deno", () => {
    // npm gets what is built, Deno in a checkout the source of it.
    const built = Object.entries(readJson("package.json")["exports"] as object)
      .filter(([name]) => name !== "./package.json")
      .map(([name, { default: path }]) => [name, String(path)]);
    const source = Object.entries(readJson("deno.json")["exports"] as Record<string, string>)
      .map(([name, path]) => [
        name,
        path.replace(/^\.\/src\//, "./dist/").replace(/\.ts$/, ".js"),
      ]);
    expect(source).toEqual(built);
  });

  test("starts on Deno with the dependencies of package.json and nothing else", () => {
    interface Lock {
      readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
    }
    const { dependencies } = readJson("package.json");
    const imports = Object.entries(dependencies as Record<string, string>)
      .map(([name, version]) => [name, `npm:${name}@${version}`]);
    expect(readJson("deno.start.json")["imports"]).toEqual(Object.fromEntries(imports));
    const { npm: started } = readJson("deno.start.lock") as unknown as Lock;
    const { npm: all } = readJson("deno.lock") as unknown as Lock;
    for (const [name] of imports) {
      expect(Object.keys(started).some((key) => key.startsWith(`${name}@`))).toBe(true);
    }
    // Peers that a package has only here are part of its key.
    const plain = (key: string) => key.replace(/(?<=.)_.*/, "");
    const known = new Map(
      Object.entries(all).map(([key, { integrity }]) => [plain(key), integrity]),
    );
    for (const [key, { integrity }] of Object.entries(started)) {
      expect([key, known.get(plain(key))]).toEqual([key, integrity]);
    }
  });

  test("pins every dependency to one version", () => {
    const { dependencies, devDependencies } = readJson("package.json");
    const all = { ...(dependencies as object), ...(devDependencies as object) };
    const loose = Object.entries(all).filter(([, version]) =>
      !/^\d+\.\d+\.\d+$/.test(String(version))
    );
    expect(loose).toEqual([]);
  });

  test("never depends on deno, whose npm package would hide the real one", () => {
    const { dependencies, devDependencies } = readJson("package.json");
    expect(Object.keys({ ...(dependencies as object), ...(devDependencies as object) }))
      .not.toContain("deno");
  });

  test("shows only JSON that can be parsed", () => {
    for (
      const path of ["README.md", "mcp.example.json", ...pages]
    ) {
      const text = read(path);
      const blocks = path.endsWith(".json")
        ? [text]
        : [...text.matchAll(/^ *```(?:json|jsonc)\n([\s\S]*?)^ *```/gm)].map((found) => found[1]);
      for (const block of blocks) {
        const problems: ParseError[] = [];
        parseJsonc(block ?? "", problems, { allowTrailingComma: true });
        expect({ path, block, problems }).toEqual({ path, block, problems: [] });
      }
    }
  });

  test("links only to files and headings that exist", () => {
    const anchorsOf = (text: string) =>
      [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
        heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
      );
    const broken = ["README.md", ...pages].flatMap((path) =>
      [...read(path).matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].flatMap(
        ([link, file = "", anchor]) => {
          const target = file === "" ? path : join(dirname(path), file);
          if (!existsSync(join(root, target))) return [`${path}: ${link}`];
          const isThere = anchor === undefined || anchorsOf(read(target)).includes(anchor);
          return isThere ? [] : [`${path}: ${link}`];
        },
      )
    );
    expect(broken).toEqual([]);
  });

  test("is written in plain words", () => {
    const unusual =
      /\b(?:nobody|somebody|whoever|anew|mend|mended|cannot be had|is told|are told|hears of)\b/i;
    const texts = [
      ...source,
      ...operatorPage,
      ...filesBelow("test").filter(({ path }) => path !== "test/tidy.test.ts"),
      ...filesBelow("bench"),
      ...["README.md", ...pages]
        .map((path) => ({ path, text: read(path) })),
    ];
    const found = texts.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, at) =>
        unusual.test(line) ? [`${path}:${at + 1}: ${line}`] : []
      )
    );
    expect(found).toEqual([]);
  });

  test("explains each case number that it cites", () => {
    const architecture = read("docs/architecture.md");
    const cited = /(?<![%\w\\.-])([A-HP]\d{1,2})(?![\w%.-]\w)(?!\w)/g;
    const comments = source.flatMap(({ path, text }) =>
      [...text.matchAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g)].map(([comment]) => ({
        path,
        text: comment,
      }))
    );
    const titles = tests.flatMap(({ path, text }) =>
      namesOf(text).map((name) => ({ path, text: name }))
    );
    const unknown = [...comments, ...titles].flatMap(({ path, text }) =>
      [...text.matchAll(cited)].map(([, id = ""]) => id)
        .filter((id) => !new RegExp(`^\\| ${id} `, "m").test(architecture))
        .map((id) => `${path}: ${id}`)
    );
    expect(unknown).toEqual([]);
  });

  test("has commits with short subjects", () => {
    // The first commit that this rule applies to; a shallow clone may not have it.
    const first = "f878c62";
    let subjects: string[];
    try {
      const log = execFileSync("git", ["log", "--format=%s", `${first}..HEAD`], {
        cwd: root,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      subjects = log.split("\n");
    } catch {
      return;
    }
    expect(subjects.filter((subject) => subject.length > 72)).toEqual([]);
  });

  test("has a test for every case that it promises", () => {
    const covered = new Set(tests.flatMap(({ text }) => namesOf(text)).flatMap(casesOf));
    expect(requiredCases.filter((id) => !covered.has(id))).toEqual([]);
  });

  test("says of each attack and fault, A1 to H13, what must follow", () => {
    expect(faultCases.length).toBe(92);
    const explained = [...titlesOf(read("docs/architecture.md")).keys()];
    expect(explained.filter((id) => !id.startsWith("P"))).toEqual([...faultCases]);
    expect(openCases.filter((id) => !faultCases.includes(id))).toEqual([]);
  });
});
