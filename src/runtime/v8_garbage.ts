/**
 * Collects garbage where JavaScript runs in V8. V8 has the function only in contexts that are made
 * after its flag was set, so the first collection makes one.
 */
import v8 from "node:v8";
import vm from "node:vm";
import type { GarbageCollector } from "./runtime.ts";

let run: (() => void) | undefined;

/** The collector of this process. A collection of the whole heap takes tens of milliseconds. */
export const garbage: GarbageCollector = {
  collect() {
    if (run === undefined) {
      v8.setFlagsFromString("--expose-gc");
      run = vm.runInNewContext("gc") as () => void;
    }
    run();
  },
  growth: "floodGrowthLargeBytes",
};
