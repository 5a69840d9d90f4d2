/** Reads the files of the operator's page next to the program: `src/page`, or `dist/page`. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** Makes the reader for a program of the folder `main`, by its URL. */
export function createPageReader(
  program: string,
): (file: string) => Promise<string | undefined> {
  const folder = new URL("../page/", program);
  return async (file) => {
    try {
      return await readFile(fileURLToPath(new URL(file, folder)), "utf8");
    } catch (fault) {
      if ((fault as { code?: unknown }).code === "ENOENT") return undefined;
      throw fault;
    }
  };
}
