/** A program that writes texts to a log until its disk takes no more, and then removes what is there. */
import { statSync, truncateSync } from "node:fs";
import process from "node:process";
import { files } from "../../src/runtime/files.ts";

const [path = "", chars = ""] = process.argv.slice(2);
const log = files.openLog(path, { bytesMax: Infinity, filesMax: 1 });
const taken: boolean[] = [];
for (const mark of ["a", "b", "c"]) taken.push(await log.append(mark.repeat(Number(chars))));
const { size } = statSync(path);
truncateSync(path, Number(chars) + 1);
taken.push(await log.append("d"));
await log.close();
console.log(JSON.stringify([...taken, size]));
