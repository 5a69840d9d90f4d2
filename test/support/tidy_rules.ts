/**
 * The rules of the source tree, as rows: what each looks for, and a snippet that breaks it, so that a
 * rule which has gone blind fails its own test. A rule takes all files of `src` and returns one
 * sentence for each breach. Only source text counts: type imports are imports.
 */
import {
  functionsOf,
  importsOf,
  numbersOf,
  resolveImport,
  scan,
  type SourceFile,
} from "./source.ts";

/** One rule. */
export interface Rule {
  readonly name: string;
  readonly check: (files: readonly SourceFile[]) => string[];
  /** Files in which the rule must find something. */
  readonly bad: readonly SourceFile[];
}

const floor = [
  "model",
  "client_capabilities",
  "extensions",
  "access_error",
  "error_table",
  "errors",
  "limits",
  "clock",
  "timer_wheel",
  "excerpt",
  "one_line",
  "unseen_characters",
  "version",
  "bounded",
  "keyed_mutex",
  "rate_table",
  "login_records",
  "fair_queue",
  "client_shares",
  "principals",
  "consumers",
  "json",
  "bytes_text",
  "ip_address",
  "source_text",
  "trace_context",
  "reader_room",
  "whole_result",
];
const beside = [...floor, "log", "process_identity", "seal", "runtime", "config", "telemetry"];

/** What each folder or file at the top of `src` may import, itself included. */
const layers: Readonly<Record<string, readonly string[]>> = {
  model: ["errors", "reader_room", "trace_context"],
  client_capabilities: ["errors", "model"],
  extensions: ["json", "model"],
  error_table: [],
  errors: ["error_table", "json", "model"],
  bounded: [],
  keyed_mutex: [],
  rate_table: [],
  login_records: [],
  access_error: [],
  fair_queue: [],
  client_shares: [],
  principals: ["model"],
  consumers: ["model"],
  bytes_text: [],
  ip_address: [],
  source_text: ["model"],
  trace_context: ["json", "limits"],
  reader_room: [],
  whole_result: ["model"],
  json: [],
  limits: [],
  version: [],
  clock: ["limits", "timer_wheel"],
  timer_wheel: [],
  excerpt: [],
  unseen_characters: [],
  one_line: ["excerpt", "unseen_characters"],
  log: [
    "bounded",
    "clock",
    "excerpt",
    "limits",
    "line_queue",
    "log_line",
    "log_redact",
    "runtime",
    "unseen_characters",
  ],
  line_queue: ["clock", "runtime"],
  keyed_digest: [],
  log_line: ["log_redact", "unseen_characters"],
  log_redact: ["excerpt"],
  process_identity: ["clock", "limits", "runtime"],
  seal: [...floor, "runtime"],
  runtime: ["clock", "errors", "limits"],
  config: [...floor, "log", "runtime", "recipes"],
  outgoing: [...floor, "log", "runtime", "config"],
  // Frames go to the outlets of listeners, whose types alone it knows.
  sse: [...floor, "runtime"],
  telemetry: [...floor, "line_queue", "log"],
  // Spans of calls, for a collector: loaded where one is configured.
  traces: [...beside, "outgoing"],
  protocol: floor,
  // How results are shortened and read on, for the gateway and for upstreams that make their own.
  truncation: [...floor, "protocol"],
  session: [...floor, "log", "config", "sse"],
  // How tools are found by words; the index itself is kept by the store.
  search: floor,
  // The connection to an engine that several instances may share.
  redis: [...floor, "log", "config"],
  bus: [...floor, "log", "redis"],
  // What this instance owns among others, and how it passes on what others own.
  instances: [...floor, "log", "redis", "runtime"],
  credentials: [...floor, "log", "seal", "runtime", "config", "outgoing", "protocol"],
  // The OAuth client: what protected servers granted to the gateway, and to whom.
  grants: [...beside, "bus", "credentials", "outgoing"],
  // The interface alone; its rooms stand below, and the table of kinds knows them all.
  upstream: [...beside, "credentials", "grants", "protocol"],
  "upstream/catalog": [...beside, "protocol", "upstream"],
  "upstream/link": [...beside, "protocol", "upstream", "upstream/stdio"],
  "upstream/mcp": [...beside, "protocol", "upstream", "upstream/catalog", "upstream/link"],
  "upstream/stdio": [...beside, "credentials", "upstream", "upstream/link", "upstream/mcp"],
  "upstream/http": [
    ...beside,
    "credentials",
    "grants",
    "outgoing",
    "protocol",
    "sse",
    "upstream",
    "upstream/link",
    "upstream/mcp",
  ],
  "upstream/rest": [
    ...beside,
    "credentials",
    "outgoing",
    "protocol",
    "truncation",
    "upstream",
    "upstream/catalog",
  ],
  "upstream/upstream_kinds": [
    ...floor,
    "config",
    "upstream",
    "upstream/http",
    "upstream/rest",
    "upstream/stdio",
  ],
  gateway: [...beside, "grants", "search", "truncation", "upstream"],
  // The authorization server: who may get a token, and what a token stands for.
  oauth: [...beside, "bus", "outgoing"],
  auth: [...beside, "bus", "oauth", "outgoing"],
  http: [
    ...beside,
    "auth",
    "bus",
    "gateway",
    "grants",
    "instances",
    "oauth",
    "protocol",
    "session",
    "sse",
  ],
  // Behind interfaces that their users own.
  store: [
    ...beside,
    "auth",
    "bus",
    "credentials",
    "grants",
    "instances",
    "oauth",
    "protocol",
    "redis",
    "search",
    "session",
    "upstream",
  ],
  app: [
    ...beside,
    "auth",
    "bus",
    "credentials",
    "gateway",
    "grants",
    "http",
    "instances",
    "keyed_digest",
    "log_line",
    "oauth",
    "outgoing",
    "protocol",
    "redis",
    "session",
    "sse",
    "store",
    "upstream",
    "telemetry",
    "traces",
    "upstream/catalog",
    "upstream/mcp",
    "upstream/stdio",
    "upstream/upstream_kinds",
  ],
  cli: [
    ...beside,
    "app",
    "instances",
    "log_line",
    "log_redact",
    "protocol",
    "sse",
    "store",
    "upstream/stdio",
  ],
  main: ["cli", "limits", "runtime"],
  // The public entry of the package: the composition root, and the types of what it takes.
  index: [
    ...beside,
    "app",
    "auth",
    "gateway",
    "http",
    "instances",
    "store",
    "upstream/upstream_kinds",
  ],
  // Data alone.
  recipes: [],
};

/** Where an upper layer may touch a lower one only by its seam. */
const seams: readonly { from: RegExp; to: RegExp; only: string }[] = [
  {
    from: /^src\/gateway\//,
    to: /^src\/upstream\//,
    only: "src/upstream/upstream.ts",
  },
  {
    from: /^src\/(?!main\/|runtime\/|cli\/)/,
    to: /^src\/runtime\//,
    only: "src/runtime/runtime.ts",
  },
  {
    from: /^src\/cli\//,
    to: /^src\/runtime\/(?!runtime\.ts)/,
    only: "src/runtime/system.ts",
  },
];

/** The room of a file: its folder at the top of `src`, below `upstream` the folder in it. */
function unitOf(path: string): string {
  const [, top = "", ...rest] = path.replace(/\.ts$/, "").split("/");
  const isOwnRoom = top === "upstream" && (rest.length > 1 || rest[0] === "upstream_kinds");
  return isOwnRoom ? `${top}/${rest[0]}` : top;
}
const edges = (file: SourceFile) =>
  importsOf(file.text).flatMap((specifier) => resolveImport(file.path, specifier) ?? []);

function layering(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = unitOf(file.path);
    const allowed = layers[from];
    if (allowed === undefined) return [`${file.path}: "${from}" has no place in the layers`];
    return edges(file).flatMap((target) => {
      const to = unitOf(target);
      const seam = seams.find((row) => row.from.test(file.path) && row.to.test(target));
      if (to !== from && !allowed.includes(to)) {
        return [`${file.path} imports ${target}: ${from} must not know ${to}`];
      }
      return seam === undefined || target === seam.only
        ? []
        : [`${file.path} imports ${target}: only ${seam.only} is the seam`];
    });
  });
}

/** The folders of the two eras: the codecs, and the bindings, which meet at their door alone. */
const eraFolder = /\/(legacy|modern)\//;

function erasApart(files: readonly SourceFile[]): string[] {
  const eraOf = (path: string) => eraFolder.exec(path)?.[1];
  return files.flatMap((file) => {
    const own = eraOf(file.path);
    if (own === undefined) return [];
    return edges(file).filter((target) => (eraOf(target) ?? own) !== own)
      .map((target) => `${file.path} imports ${target}: what both eras need is shared`);
  });
}

function cycles(files: readonly SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.path, edges(file)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
    } else if (!done.has(path)) {
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    }
  };
  for (const path of graph.keys()) visit(path, []);
  // The two tables at the bottom name each other's types; nothing runs in a circle.
  return found.filter((cycle) =>
    !/^src\/(model|errors)\.ts → src\/(model|errors)\.ts → [^→]*$/.test(cycle)
  );
}

/** The programs, and the public entry of the package. */
const entries = /^src\/(?:main\/|index\.ts$)/;

function deadFiles(files: readonly SourceFile[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reached = new Set<string>();
  const visit = (path: string) => {
    const file = byPath.get(path);
    if (file === undefined || reached.has(path)) return;
    reached.add(path);
    edges(file).forEach(visit);
  };
  for (const path of byPath.keys()) if (entries.test(path)) visit(path);
  return [...byPath.keys()].filter((path) => !reached.has(path))
    .map((path) => `${path} is not reachable from src/main or src/index.ts`);
}

/** Files that implement one contract, side by side, may share their name. */
const twins = /^src\/(?:runtime|main)\/|\/(?:legacy|modern)\/[^/]+$/;

function uniqueFiles(files: readonly SourceFile[]): string[] {
  const byName = Map.groupBy(files, ({ path }) => path.slice(path.lastIndexOf("/") + 1));
  return [...byName.values()].filter((same) =>
    same.length > 1 && !same.every(({ path }) => twins.test(path))
  ).map((same) => same.map(({ path }) => path).join(" and "));
}

function uniqueTypes(files: readonly SourceFile[]): string[] {
  const exported = files.flatMap(({ path, text }) =>
    [...scan(text).code.matchAll(/^export (?:interface|type|(?:abstract )?class) (\w+)/gm)]
      .map(([, name = ""]) => ({ name, path }))
  );
  return [...Map.groupBy(exported, ({ name }) => name)].filter(([, same]) => same.length > 1)
    .map(([name, same]) => `${name}: ${same.map(({ path }) => path).join(" and ")}`);
}

/** A rule that looks at each file by itself. */
function each(look: (file: SourceFile) => string[]): Rule["check"] {
  return (files) => files.flatMap((file) => look(file).map((found) => `${file.path}: ${found}`));
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((found) => {
    const line = text.slice(0, found.index).split("\n").length;
    return `line ${line}: ${found[0].trim()}`;
  });
}

const platform = /^src\/(?:main\/|runtime\/(?!runtime\.ts|system\.ts))/;

function runtimeNames(file: SourceFile): string[] {
  if (platform.test(file.path)) return [];
  const { code, uncommented } = scan(file.text);
  return [
    ...matches(code, /(?<![.\w$])(?:(?:Bun|Deno|Buffer)\b(?!\s*:)|process\s*[.[])/g),
    ...matches(uncommented, /["'](?:node|bun):\w[^"']*["']/g),
  ];
}

/** The codecs, the bindings and their door, and how servers are spoken to. */
const eraFolders =
  /^src\/(?:protocol\/|http\/(?:(?:legacy|modern)\/|mcp_endpoint\.ts)|upstream\/link\/dialect\.ts)/;

/** The configuration key `era` has their two names as values. */
const eraKey: Readonly<Record<string, RegExp>> = {
  "src/config/mcp_server.ts": /^(?:legacy|modern)$/,
  "src/config/config.ts": /^(?:legacy|modern)$/,
};

const eraWords =
  /\b20\d\d-[01]\d-[0-3]\d\b|["'`](?:notifications\/)?initialized?["'`]|legacy|modern|\bmcp-(?:session-id|protocol-version|method|name)\b|\blast-event-id\b|\bserver\/discover\b|\bsubscriptions\/listen\b|\binput_required\b|\brequestState\b|\bresultType\b/gi;

function eraNames(file: SourceFile): string[] {
  if (eraFolders.test(file.path)) return [];
  // The composition root and the folders' own paths may be named in imports.
  const { uncommented } = scan(file.text);
  const text = uncommented.replace(/\bfrom\s*["'][^"']*["']/g, "");
  const allowed = eraKey[file.path];
  return matches(text, eraWords).filter((found) =>
    allowed === undefined || !allowed.test(found.replace(/^line \d+: /, ""))
  );
}

/** Where a bare cut is right: names of ASCII letters, and bytes on their way to a decoder. */
const cutExceptions: Readonly<Record<string, RegExp>> = {
  "src/gateway/name.ts": /nameCharsMax - hashChars/,
  "src/instances/signed_answer.ts": /recordBytesMax/,
  "src/seal.ts": /keyIdChars/,
  "src/upstream/stdio/line_reader.ts": /edgeBytes/,
  "src/upstream/rest/openapi/operation_names.ts": /nameCharsMax - hashChars/,
  "src/upstream/rest/openapi/schema_maker.ts": /nameCharsMax/,
  "src/outgoing/content_encoding.ts": /pieceBytesMax/,
};

/** A cut at a bound of characters or bytes: all of them are named so, or are plain numbers. */
const bareCut =
  /\.(?:slice|substring|substr|subarray)\((?:[^()]|\([^()]*\))*?(?:(?:chars|bytes)(?:Max)?\b|,\s*\d{2,})(?:[^()]|\([^()]*\))*?\)/gi;

function bareCuts(file: SourceFile): string[] {
  if (file.path === "src/excerpt.ts") return [];
  const allowed = cutExceptions[file.path];
  return matches(scan(file.text).code, bareCut).filter((found) => allowed?.test(found) !== true);
}

const linesMax = 300;
const functionLinesMax = 70;
const grossLinesMax = 120;

/**
 * Functions that are longer with the functions inside them, by file: the list only shrinks. A file
 * whose longest function is shorter than its entry says is a breach, too.
 */
const grossExceptions: Readonly<Record<string, number>> = {};
const numberMax = 1000;

/** The files with the codes of the protocol's errors. */
const errorFiles: ReadonlySet<string> = new Set(["src/error_table.ts", "src/errors.ts"]);

/** Numbers that are no bounds. */
const numberExceptions: Readonly<Record<string, readonly number[]>> = {
  // The two constants of the FNV-1a hash.
  "src/gateway/name.ts": [2166136261, 16777619],
};
const long = (lines: number) => "  x();\n".repeat(lines);
const bad = (path: string, text: string): SourceFile => ({ path, text });

/** The database is one kind of storage: nothing else may come to depend on it. */
function databaseUses(file: SourceFile): string[] {
  if (/^src\/(?:store|runtime)\//.test(file.path)) return [];
  return matches(scan(file.text).code, /\b(?:SqlDatabase|SqlStatement|openDatabase)\b/g);
}

/** What Node 22, the oldest runtime, does not have. */
const newerThanNode = [
  /\.(?:toBase64|fromBase64|setFromBase64|toHex|fromHex|setFromHex)\s*\(/g,
  /\b(?:RegExp\.escape|Promise\.try|Error\.isError|Math\.sumPrecise|Iterator\.(?:concat|zip))\b/g,
  /\.getOrInsert(?:Computed)?\s*\(/g,
  /\b(?:await\s+)?using\s+\w+\s*=|\bimport\s+defer\b|\b(?:Float16Array|reportError|Temporal)\b/g,
];

function newerUses({ path, text }: SourceFile): string[] {
  // It asks whether they are there.
  if (path === "src/bytes_text.ts") return [];
  const { code } = scan(text);
  return newerThanNode.flatMap((pattern) => matches(code, pattern));
}

/** All rules. */
export const rules: readonly Rule[] = [
  {
    name: "imports go down the layers only",
    check: layering,
    bad: [bad("src/http/x.ts", 'import type { A } from "../upstream/upstream.ts";')],
  },
  {
    name: "layers meet at their seams",
    check: layering,
    bad: [bad("src/gateway/x.ts", 'import type { A } from "../upstream/stdio.ts";')],
  },
  {
    name: "no import between legacy/ and modern/",
    check: erasApart,
    bad: [
      bad("src/protocol/modern/x.ts", 'import type { A } from "../legacy/methods.ts";'),
      bad("src/http/legacy/x.ts", 'export { a } from "../modern/post.ts";'),
    ],
  },
  {
    name: "no file imports itself in a circle",
    check: cycles,
    bad: [
      bad("src/sse/a.ts", 'import type { B } from "./b.ts";'),
      bad("src/sse/b.ts", 'export { a } from "./a.ts";'),
    ],
  },
  {
    name: "no file is dead",
    check: deadFiles,
    bad: [
      bad("src/main/bun.ts", 'import "../app.ts";'),
      bad("src/app.ts", ""),
      bad("src/x.ts", ""),
    ],
  },
  {
    name: "the core names no runtime",
    check: each(runtimeNames),
    bad: [bad("src/app.ts", 'import fs from "node:fs";'), bad("src/app.ts", "f(`${Bun.env}`)")],
  },
  {
    name: "nothing needs more than the oldest runtime has",
    check: each(newerUses),
    bad: [
      bad("src/app.ts", "const a = bytes.toBase64();"),
      bad("src/app.ts", "const a = Uint8Array.fromBase64(text);"),
      bad("src/runtime/bun.ts", "return new Uint8Array(digest).toHex();"),
      bad("src/app.ts", "new RegExp(RegExp.escape(text))"),
      bad("src/app.ts", "map.getOrInsertComputed(key, () => 1)"),
      bad("src/app.ts", "await using lock = take();"),
      bad("src/app.ts", "await Promise.try(f);"),
    ],
  },
  {
    name: "only the stores know the database",
    check: each(databaseUses),
    bad: [bad("src/upstream/x.ts", 'import type { SqlDatabase } from "../runtime/runtime.ts";')],
  },
  {
    name: "an era's words stay in its folders",
    check: each(eraNames),
    bad: [
      bad("src/gateway/x.ts", 'if (revision >= "2025-03-26") f();'),
      bad("src/gateway/x.ts", "const isLegacy = true;"),
      bad("src/errors.ts", '"2025-03-26"'),
      bad("src/http/guard.ts", 'f("mcp-session-id");'),
      bad("src/upstream/link/link.ts", 'f("legacy");'),
      bad("src/config/config.ts", 'f("2025-03-26");'),
    ],
  },
  {
    name: `no file is longer than ${linesMax} lines`,
    check: each(({ text }) => {
      const lines = text.trimEnd().split("\n").length;
      return lines > linesMax ? [`${lines} lines`] : [];
    }),
    bad: [bad("src/app.ts", long(linesMax + 1))],
  },
  {
    name: `no function is longer than ${functionLinesMax} lines`,
    check: each(({ text }) =>
      functionsOf(text).filter(({ lines }) => lines > functionLinesMax)
        .map(({ line, lines }) => `line ${line}: ${lines} lines`)
    ),
    bad: [
      bad("src/app.ts", `function f(a: number): string {\n${long(functionLinesMax)}}`),
      bad("src/app.ts", `const f = async (a: number) => {\n${long(functionLinesMax)}};`),
      bad("src/app.ts", `const o = {\n  f() {\n${long(functionLinesMax)}  },\n};`),
    ],
  },
  {
    name: `no function is longer than ${grossLinesMax} lines with the functions inside it`,
    check: each(({ path, text }) => {
      const longest = Math.max(0, ...functionsOf(text).map(({ grossLines }) => grossLines));
      const allowed = grossExceptions[path] ?? grossLinesMax;
      if (longest > allowed) return [`${longest} lines`];
      return longest < allowed && path in grossExceptions
        ? [`the exception of ${allowed} lines is outdated: ${longest}`]
        : [];
    }),
    bad: [
      bad(
        "src/app.ts",
        `function f() {\n${`  const g = () => {\n${long(45)}  };\n`.repeat(3)}}`,
      ),
    ],
  },
  {
    name: "file names are unique",
    check: uniqueFiles,
    bad: [bad("src/http/x.ts", ""), bad("src/sse/x.ts", "")],
  },
  {
    name: "exported types have unique names",
    check: uniqueTypes,
    bad: [
      bad("src/http/x.ts", "export interface Same {}"),
      bad("src/sse/y.ts", "export type Same = string;"),
    ],
  },
  {
    name: `no number of ${numberMax} or more outside the limits and the errors`,
    check: each(({ path, text }) =>
      path === "src/limits.ts" || path.startsWith("src/limits/") || errorFiles.has(path)
        ? []
        : numbersOf(text).filter((value) =>
          value >= numberMax && numberExceptions[path]?.includes(value) !== true
        ).map(String)
    ),
    bad: [bad("src/app.ts", "const a = 5_000;"), bad("src/app.ts", "f(4 * 0x400)")],
  },
  {
    name: "texts are cut by excerpt.ts, which halves no character",
    check: each(bareCuts),
    bad: [
      bad("src/app.ts", "const a = text.slice(0, limits.lineCharsMax - 1);"),
      bad("src/app.ts", "const a = text.substring(0, 200);"),
      bad("src/app.ts", "decode(bytes.subarray(0, edgeBytes));"),
    ],
  },
  {
    name: "relative imports end in .ts, and those of data in .json",
    check: each(({ text }) =>
      importsOf(text).filter((specifier) =>
        /^[./]/.test(specifier) && !/\.(?:ts|json)$/.test(specifier)
      )
    ),
    bad: [bad("src/app.ts", 'import { a } from "./model";')],
  },
  {
    name: "no default exports",
    check: each(({ text }) => matches(scan(text).code, /\bexport\s+default\b|\bas\s+default\b/g)),
    bad: [bad("src/app.ts", "export default 1;")],
  },
  {
    name: "no any",
    check: each(({ text }) => matches(scan(text).code, /(?<![.\w$])any\b/g)),
    bad: [bad("src/app.ts", "const a: any = 1;"), bad("src/app.ts", "f(a as any)")],
  },
  {
    name: "no check is switched off",
    check: each(({ text }) => matches(text, /@ts-\w+|deno-lint-ignore(?! [\w-]+ -- \S)/g)),
    bad: [
      bad("src/app.ts", "// @ts-ignore\nf();"),
      bad("src/app.ts", "// deno-lint-ignore require-await\nf();"),
    ],
  },
  {
    name: "every file says first what it owns",
    check: each(({ text }) =>
      /^(?:#!.*\n)?\/\*\*?\s*\S/.test(text) ? [] : ["does not open with a comment"]
    ),
    bad: [bad("src/app.ts", "export const a = 1;")],
  },
];
