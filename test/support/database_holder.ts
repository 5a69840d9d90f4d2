/**
 * A program that takes the exclusive lock of a database, as another program on the same machine
 * would: it writes `held` or `refused`, and lets the lock go when its stdin ends.
 */
import process from "node:process";
import { createTestRuntime } from "./fake_runtime.ts";

const [path = ""] = process.argv.slice(2);
const database = (await createTestRuntime()).openDatabase(path);
let isHeld = true;
try {
  database.exec("PRAGMA busy_timeout = 50");
  database.exec("BEGIN EXCLUSIVE");
} catch {
  isHeld = false;
}
console.log(isHeld ? "held" : "refused");
for await (const _ of process.stdin);
if (isHeld) database.exec("ROLLBACK");
database.close();
process.exit(0);
