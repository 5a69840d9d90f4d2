/**
 * The gateway's own program with a fault that its process raises by itself: nothing
 * handles a rejection and an exception on SIGUSR1, a corrupt database on SIGUSR2.
 */
import process from "node:process";
import { thisRuntime } from "./runtimes.ts";

process.on("SIGUSR1", () => {
  void Promise.reject(new Error("an unhandled rejection of the test"));
  setTimeout(() => {
    throw new Error("an uncaught exception of the test");
  }, 0);
});
process.on("SIGUSR2", () => {
  void Promise.reject(
    Object.assign(new Error("database disk image is malformed"), { sqliteCode: 11 }),
  );
});

// Each entry has the types of its own platform: this import is for run time alone.
await import(new URL(`../../src/main/${thisRuntime}.ts`, import.meta.url).href);
