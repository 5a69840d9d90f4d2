/** The gateway as a program on Bun. */
import { runOnBun } from "./run_on_bun.ts";

await runOnBun();
