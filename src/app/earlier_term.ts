/**
 * The term that this instance has among others, noted in its data folder. A process that is started
 * again at once ends the term of the one before it, so that nothing waits for its sessions. It must
 * know that this one has ended: the note says of which boot of the machine it is, and which file the
 * database was, whose exclusive lock the one has while it lives and the other has now. A folder that
 * was copied has another file, another machine another boot: such a term is left to end by itself.
 */
import * as v from "valibot";
import { type Clock, withDeadline } from "../clock.ts";
import { noDirectory } from "../config/places.ts";
import type { OwnerTable } from "../instances/owner_table.ts";
import type { Limits } from "../limits.ts";
import type { Log } from "../log.ts";
import { readKernelBoot } from "../process_identity.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { databasePath } from "../store/database.ts";

/** The form of the file. */
const noteForm = v.object({
  name: v.string(),
  term: v.pipe(v.number(), v.integer(), v.minValue(1)),
  /** The boot of the machine, and the database file among all that it has. */
  boot: v.string(),
  file: v.string(),
});

/** What the notes are made from. */
export interface TermNotesOptions {
  readonly runtime: Pick<Runtime, "readText" | "writeText" | "fileId">;
  /** The data directory, whose database this process has locked; or `:memory:`. */
  readonly directory: string;
  /** The name of this instance. */
  readonly name: string;
  readonly clock: Clock;
  readonly limits: Pick<Limits, "ownerCommandMs">;
  readonly log: Log;
}

/** The notes in one data directory. */
export interface TermNotes {
  /** Ends the term that is noted, if its process has certainly ended. Never rejects. */
  endEarlier(table: Pick<OwnerTable, "leave">): Promise<void>;
  /** Notes a term of this process. A note that is late or missing only lets others wait. */
  note(term: number): void;
  /** Resolves when all notes are written. */
  settled(): Promise<void>;
}

/** Makes them. Where the system does not tell boots and files apart, nothing is noted or ended. */
export async function openTermNotes(options: TermNotesOptions): Promise<TermNotes> {
  const { runtime, directory, name, log } = options;
  const path = `${directory}/term.json`;
  const place = directory === noDirectory ? undefined : await readPlace(runtime, directory);
  let last: Promise<void> = Promise.resolve();
  return {
    async endEarlier(table) {
      try {
        const text = place && await runtime.readText(path);
        if (place === undefined || text === undefined) return;
        const earlier = v.parse(noteForm, JSON.parse(text));
        if (earlier.boot !== place.boot || earlier.file !== place.file) return;
        await end(options, earlier, table);
      } catch (fault) {
        log.warn("Cannot end the term of the instance before this one: it ends by itself", {
          fault,
        });
      }
    },
    note(term) {
      if (place === undefined) return;
      const text = `${JSON.stringify({ name, term, ...place })}\n`;
      last = last.then(() => runtime.writeText(path, text)).catch((fault) => {
        log.warn(`Cannot write ${path}: after a crash, sessions wait for the end of this term`, {
          fault,
        });
      });
    },
    settled: () => last,
  };
}

async function end(
  { clock, limits, log }: TermNotesOptions,
  { name, term }: v.InferOutput<typeof noteForm>,
  table: Pick<OwnerTable, "leave">,
): Promise<void> {
  const isEnded = await withDeadline(clock, limits.ownerCommandMs, table.leave(name, term), () => {
    throw new Error("The table of owners did not answer in time");
  });
  if (isEnded) log.info("Ended the term of the instance that used this data folder", { name });
}

/** What only processes on the same data folder, in the same boot of a machine, have in common. */
async function readPlace({ readText, fileId }: TermNotesOptions["runtime"], directory: string) {
  const boot = await readKernelBoot({ readText });
  const file = fileId(databasePath(directory));
  return boot === undefined || file === undefined ? undefined : { boot, file };
}
