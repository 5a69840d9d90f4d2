/** Prepares the data folder as the folder of programs, for `start` and for commands that start one. */
import { folderOf } from "../config/path.ts";
import type { Places } from "../config/places.ts";
import { needsOwnPackage } from "../config/program_folder.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** A package of its own in the data folder, so that `npx` does not look into the checkout above. */
export async function keepToOwnPackages(runtime: Runtime, places: Places): Promise<void> {
  const { configPath, dataDirectory } = places;
  const { exists } = runtime;
  if (!needsOwnPackage({ folder: folderOf(configPath), dataDirectory, exists })) return;
  const description = "Keeps npx from packages of the folders above; servers run here.";
  await runtime.writeText(
    `${dataDirectory}/package.json`,
    `${JSON.stringify({ private: true, description })}\n`,
  ).catch(() => {
    // The start reports a data folder that cannot be written.
  });
}
