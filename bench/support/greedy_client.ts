/**
 * Calls a gateway as one principal without a pause, on many connections, whatever it answers, until
 * it is ended: `--url=URL --user=NAME --callers=N`.
 */
import process from "node:process";
import { callAs } from "./principal_call.ts";

const option = (name: string, fallback: string): string =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split("=")[1] ?? fallback;
const url = option("url", "");
const user = option("user", "greedy");

await Promise.all(
  Array.from({ length: Number(option("callers", "1")) }, async () => {
    for (;;) await callAs(url, user);
  }),
);
