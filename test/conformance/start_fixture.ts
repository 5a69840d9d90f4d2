/** Starts the conformance fixtures that serve HTTP; each fixture reads its own arguments. */
import { type ChildProcess, spawn } from "node:child_process";
import { programCommand } from "../support/spawn_gateway.ts";
import { within } from "../support/wait.ts";

/** A fixture that serves HTTP; the first line that it prints is its port. */
export async function startHttpFixture(era: string): Promise<{ url: string; child: ChildProcess }> {
  const { command, args } = programCommand(
    "test/conformance/fixture_http.ts",
    ["--era", era],
  );
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
