/**
 * The gateway's own program with something in its process that goes wrong on its own: nobody
 * handles a rejection and an exception on SIGUSR1, a corrupt database on SIGUSR2.
 */
import process from "node:process";

process.on("SIGUSR1", () => {
  void Promise.reject(new Error("a rejection nobody handles"));
  setTimeout(() => {
    throw new Error("an exception nobody catches");
  }, 0);
});
process.on("SIGUSR2", () => {
  void Promise.reject(
    Object.assign(new Error("database disk image is malformed"), { sqliteCode: 11 }),
  );
});

// Each entry has the types of its own platform: this import is for run time alone.
const platform = "Deno" in globalThis ? "deno" : "bun";
await import(new URL(`../../src/main/${platform}.ts`, import.meta.url).href);
