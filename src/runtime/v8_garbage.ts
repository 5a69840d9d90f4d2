/**
 * Collects garbage where JavaScript runs in V8. V8 has the function only in contexts that are made
 * after its flag was set, so the first collection makes one.
 */
import v8 from "node:v8";
import vm from "node:vm";

let collect: (() => void) | undefined;

/** Collects all garbage now, which takes some ten milliseconds. */
export function collectGarbage(): void {
  if (collect === undefined) {
    v8.setFlagsFromString("--expose-gc");
    collect = vm.runInNewContext("gc") as () => void;
  }
  collect();
}
