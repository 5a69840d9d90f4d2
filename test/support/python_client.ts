/** The Python SDK's client, as a program (python_client.py) that makes a visit and tells of it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { findPython } from "./python.ts";
import { projectDirectory } from "./spawn_gateway.ts";
import type { Visit } from "./visit.ts";
import { testMsMax } from "./wait.ts";

/** A Python whose SDK knows both eras; tests that need it skip where there is none. */
export const pythonWithClient: string | undefined = findPython("mcp.client.client");

/** The client in one of its ways to agree on a revision, and the one that it agrees on. */
export interface PythonKind {
  readonly mode: "auto" | "legacy";
  readonly revision: string;
}

/** Its ways. */
export const pythonKinds: readonly PythonKind[] = [
  { mode: "auto", revision: "2026-07-28" },
  { mode: "legacy", revision: "2025-11-25" },
];

/** Does everything with the server at a URL; `file` is a path that belongs to this visit. */
export async function visitByPython(
  url: string,
  mode: PythonKind["mode"],
  file: string,
): Promise<{ revision: string; made: Visit }> {
  const program = join(projectDirectory, "test", "support", "python_client.py");
  const text = await new Promise<string>((resolve, reject) => {
    const args = [program, url, mode, file];
    execFile(
      pythonWithClient as string,
      args,
      { timeout: testMsMax },
      (fault, output, errors) => {
        if (fault === null) resolve(output);
        else reject(new Error(`The Python client failed: ${output}${errors}`));
      },
    );
  });
  return JSON.parse(text);
}
