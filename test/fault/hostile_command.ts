/** How a test starts a child that misbehaves, under the runtime that runs the test. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { nodeHooks, type RuntimeName, thisRuntime } from "../support/runtimes.ts";

const programOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** What precedes the path; these programs need nothing of the project's configuration. */
const beforePath: Readonly<Record<RuntimeName, readonly string[]>> = {
  bun: [],
  deno: ["run", "--allow-all", "--no-check", "--quiet", "--no-config"],
  node: nodeHooks,
};

/** The command line of the hostile child with these options (see hostile_child.ts). */
export function hostileCommand(...options: string[]): { command: string; args: string[] } {
  return commandOf("./hostile_child.ts", options);
}

/** The command line of the child that writes in this way (see odd_child.ts). */
export function oddCommand(how = ""): { command: string; args: string[] } {
  return commandOf("./odd_child.ts", [`--write=${how}`]);
}

function commandOf(program: string, options: readonly string[]) {
  return {
    command: process.execPath,
    args: [...beforePath[thisRuntime], programOf(program), ...options],
  };
}
