/** How a test starts the hostile child under the runtime that runs the test. */
import process from "node:process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./hostile_child.ts", import.meta.url));
const isDeno = "Deno" in globalThis;

/** The command line of the hostile child with these options (see hostile_child.ts). */
export function hostileCommand(...options: string[]): { command: string; args: string[] } {
  const before = isDeno ? ["run", "--allow-all", "--no-check", "--quiet", "--no-config"] : [];
  return { command: process.execPath, args: [...before, program, ...options] };
}
