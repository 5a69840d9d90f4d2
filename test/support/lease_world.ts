/**
 * Several instances with one table of owners on clocks that a test steers: each instance can be
 * paused (its timers stand still, the world's go on), and its commands to the table can be cut.
 */
import type { Clock } from "../../src/clock.ts";
import { createMemoryOwners } from "./memory_owners.ts";
import type { OwnerTable } from "../../src/instances/owner_table.ts";
import { openOwnership, type Ownership } from "../../src/instances/ownership.ts";
import { defaultLimits } from "../../src/limits.ts";
import { createTestClock, type TestClock } from "./clock.ts";
import { createTestLog } from "./log.ts";

/** One instance, as the test steers it. */
export interface PlayedInstance {
  readonly name: string;
  readonly ownership: Ownership;
  readonly lost: string[];
  /** Whether its commands fail. */
  isCut: boolean;
  /** Its process stands still, as under a debugger. */
  isPaused: boolean;
  /** How many commands it has sent. */
  commands: number;
}

/** Instances and what they share. */
export interface LeaseWorld {
  readonly clock: TestClock;
  readonly table: OwnerTable;
  join(name: string): Promise<PlayedInstance>;
  /** Lets time pass in steps between which all that is waiting is read. */
  pass(ms: number): Promise<void>;
}

const stepMs = 250;

/** Makes a world without instances. */
export function createLeaseWorld(clock: TestClock = createTestClock()): LeaseWorld {
  const table = createMemoryOwners({ clock, limits: defaultLimits });
  return {
    clock,
    table,
    async join(name) {
      const played = { name, lost: [] as string[], isCut: false, isPaused: false, commands: 0 };
      const ownership = await openOwnership({
        table: cuttable(table, played),
        clock: pausable(clock, played),
        limits: defaultLimits,
        log: createTestLog(),
        name,
        url: `http://127.0.0.1/${name}`,
      });
      ownership.onLost((key) => void played.lost.push(key));
      return Object.assign(played, { ownership });
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= stepMs) {
        clock.advance(Math.min(stepMs, left));
        await settle();
      }
    },
  };
}

/** Lets all promises that wait for nothing else go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn += 1) await Promise.resolve();
}

type Switches = Pick<PlayedInstance, "isCut" | "isPaused" | "commands">;

function cuttable(table: OwnerTable, state: Switches): OwnerTable {
  return new Proxy(table, {
    get(target, name: keyof OwnerTable) {
      return (...values: never[]) => {
        state.commands += 1;
        if (state.isCut) return Promise.reject(new Error("the network of the test is cut"));
        return (target[name] as (...all: never[]) => Promise<unknown>)(...values);
      };
    },
  });
}

/** A clock whose timers run late while its instance is paused. */
function pausable(clock: Clock, state: Switches): Clock {
  const after: Clock["after"] = (ms, run) => {
    let cancel = clock.after(ms, function due() {
      if (state.isPaused) cancel = clock.after(50, due);
      else run();
    });
    return () => cancel();
  };
  return { ...clock, after };
}
