/**
 * A client that takes all that a gateway gives it of one thing, and goes on whatever it is answered:
 * `--port=N --address=ADDRESS --takes=NAME`, a row of `greedy_takes.ts`. Prints FULL when it was
 * refused, or when its callers wait.
 */
import process from "node:process";
import { greedyTakes } from "./greedy_takes.ts";
import { textOption } from "./row.ts";

const client = { port: Number(textOption("port")), address: textOption("address") ?? "" };
const row = greedyTakes[textOption("takes") ?? ""];
if (row === undefined) throw new Error("--takes names no row");
/** After this time it has what there is: callers that wait for an answer say nothing. */
const fullMs = 4_000;
/** Between a refusal and the next attempt, far below what `Retry-After` says. */
const pauseMs = 5;

const full = (): void => console.log("FULL");
setTimeout(full, fullMs);
await Promise.all(
  Array.from({ length: row.callers }, async () => {
    for (;;) {
      if (await row.take(client).catch(() => false)) continue;
      full();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }),
);
process.exit(0);
