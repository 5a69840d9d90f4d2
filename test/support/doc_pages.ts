/** The pages of the documentation; pictures next to them are no pages. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "./runtimes.ts";

/** Their paths in the project, such as `docs/access.md`; README is not among them. */
export const docPages: readonly string[] = readdirSync(join(projectDirectory, "docs"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
