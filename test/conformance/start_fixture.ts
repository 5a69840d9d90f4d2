/** Starts the conformance fixtures that serve HTTP; each fixture reads its own arguments. */
import { type ChildProcess, spawn } from "node:child_process";
import { programCommand } from "../support/spawn_gateway.ts";
import { within } from "../support/wait.ts";

/** A fixture of the suite's own offers that serves HTTP in this era. */
export function startHttpFixture(era: string): Promise<{ url: string; child: ChildProcess }> {
  return startHttpProgram("test/conformance/fixture_http.ts", ["--era", era]);
}

/** A program that serves HTTP; the first line that it prints is its port. */
export async function startHttpProgram(
  program: string,
  options: readonly string[],
): Promise<{ url: string; child: ChildProcess }> {
  const { command, args } = programCommand(program, [...options]);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const port = new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.trim());
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The fixture ended with ${code}`)));
  });
  return { url: `http://127.0.0.1:${await within("a fixture's port", port)}/mcp`, child };
}
