/** How a test starts a child that misbehaves, under the runtime that runs the test. */
import process from "node:process";
import { fileURLToPath } from "node:url";

const programOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const isDeno = "Deno" in globalThis;

/** The command line of the hostile child with these options (see hostile_child.ts). */
export function hostileCommand(...options: string[]): { command: string; args: string[] } {
  return commandOf("./hostile_child.ts", options);
}

/** The command line of the child that writes in this way (see odd_child.ts). */
export function oddCommand(how = ""): { command: string; args: string[] } {
  return commandOf("./odd_child.ts", [`--write=${how}`]);
}

function commandOf(program: string, options: readonly string[]) {
  const before = isDeno ? ["run", "--allow-all", "--no-check", "--quiet", "--no-config"] : [];
  return { command: process.execPath, args: [...before, programOf(program), ...options] };
}
