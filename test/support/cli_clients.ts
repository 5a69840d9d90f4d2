/**
 * Real clients that are programs of the command line: the Inspector's, in each era, and mcporter.
 * Each run of a program is a client of its own that does one thing; what they can do is a part of
 * what clients with a connection do (visit.ts).
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { compileCache, provide, provideNode } from "./outside.ts";
import { textOfPrompt, type Visit } from "./visit.ts";
import { testMsMax } from "./wait.ts";

/** A program with the parts of a visit that it can make. */
export interface CliKind {
  readonly name: string;
  /** Members of a visit. */
  readonly parts: readonly string[];
  /** Does what it can with the server at a URL. */
  visit(url: string): Promise<Visit>;
}

/** Makes runs of a package's program with a home of its own; what it writes is JSON. */
function programOf(packageName: string, name: string, home: string) {
  const [node, path] = [provideNode(), provide(packageName, name)];
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, NO_COLOR: "1", ...compileCache };
  return async (...args: string[]): Promise<unknown> => {
    const text = await new Promise<string>((resolve, reject) => {
      const options = { cwd: home, env, timeout: testMsMax };
      execFile(node, [path, ...args], options, (fault, output, errors) => {
        if (fault === null) resolve(output);
        else reject(new Error(`${args.join(" ")}: ${output}${errors}`));
      });
    });
    return JSON.parse(text);
  };
}

/** Makes all parts at the same time, each by a run of its own. */
async function visitBy(parts: Readonly<Record<string, () => Promise<unknown>>>): Promise<Visit> {
  const made = await Promise.all(
    Object.entries(parts).map(async ([name, part]) => [
      name,
      await part().catch((fault) => `failed: ${fault}`),
    ]),
  );
  return Object.fromEntries(made);
}

interface Tools {
  readonly tools: readonly { readonly name: string }[];
}
interface Texts {
  readonly content?: readonly { readonly text: string }[];
  readonly contents?: readonly { readonly text: string }[];
}

const hasTool = (answer: unknown) =>
  (answer as Tools).tools.some(({ name }) => name === "test_simple_text");

function firstText(answer: unknown): string | undefined {
  const { content, contents } = answer as Texts;
  return (content ?? contents)?.[0]?.text;
}

/** Runs `work` with a folder that is gone afterwards. */
async function withHome<T>(work: (home: string) => Promise<T>): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), "mcp-wrapper-cli-"));
  try {
    return await work(home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const inspector = (era: "legacy" | "modern"): CliKind => ({
  name: `the Inspector's CLI, ${era}`,
  parts: ["tools", "call", "read", "prompt"],
  visit: (url) =>
    withHome((home) => {
      const run = programOf("@modelcontextprotocol/inspector@2.12.0", "mcp-inspector", home);
      const ask = async (method: string, ...args: string[]) => {
        const options = [
          "--cli",
          url,
          "--protocol-era",
          era,
          "--format",
          "json",
          "--method",
          method,
        ];
        return (await run(...options, ...args) as { result: unknown }).result;
      };
      return visitBy({
        tools: async () => hasTool(await ask("tools/list")),
        call: async () => firstText(await ask("tools/call", "--tool-name", "test_simple_text")),
        read: async () => firstText(await ask("resources/read", "--uri", "test://static-text")),
        prompt: async () => {
          const name = ["--prompt-name", "test_prompt_with_arguments"];
          const args = ["--prompt-args", "arg1=one", "arg2=two"];
          const { messages } = await ask("prompts/get", ...name, ...args) as { messages: unknown };
          return textOfPrompt(JSON.stringify(messages));
        },
      });
    }),
});

const mcporter: CliKind = {
  name: "mcporter",
  parts: ["tools", "call", "read"],
  visit: (url) =>
    withHome((home) => {
      const run = programOf("mcporter@0.12.3", "mcporter", home);
      const config = join(home, "mcporter.json");
      writeFileSync(config, JSON.stringify({ mcpServers: { gateway: { url } } }));
      const ask = (...args: string[]) => run("--config", config, ...args);
      return visitBy({
        tools: async () => hasTool(await ask("list", "gateway", "--json")),
        call: async () =>
          firstText(await ask("call", "gateway.test_simple_text", "--output", "json")),
        read: async () =>
          firstText(await ask("resource", "gateway", "test://static-text", "--json")),
      });
    }),
};

/** The programs, each under the name that its tests carry. */
export const cliKinds: readonly CliKind[] = [inspector("legacy"), inspector("modern"), mcporter];
