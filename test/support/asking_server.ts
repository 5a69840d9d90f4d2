/**
 * The server of asking_child.ts as a configuration has it. Its tests start many processes, so it runs
 * on the runtime that starts faster where that is installed, whatever the gateway runs on.
 */
import { spawnSync } from "node:child_process";
import { executable, programCommand, thisRuntime } from "./spawn_gateway.ts";

const hasBun = spawnSync(executable("bun"), ["--version"], { stdio: "ignore" }).status === 0;

/** The entry of a server that writes down what it does in a file. */
export const askingServer = (file: string): { command: string; args: string[] } =>
  programCommand("test/support/asking_child.ts", [file], hasBun ? "bun" : thisRuntime);
