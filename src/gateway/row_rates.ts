/**
 * How often a principal may call, by the rows of `access` in `mcp.json`: of all rows that concern it,
 * the smallest number of each kind counts. Not here: what happens beyond it.
 */
import type { AccessRow } from "../config/access_rows.ts";
import type { Principal } from "../model.ts";
import type { AccessRates, RatesOf } from "./access_rates.ts";
import { concerns } from "./access_decision.ts";

/** Makes the look-up; `rows` returns those of the running configuration. */
export function createRowRates(
  rows: () => readonly AccessRow[] | undefined,
): RatesOf {
  let known = new WeakMap<Principal, AccessRates>();
  let current: readonly AccessRow[] | undefined;
  return (principal) => {
    const latest = rows();
    if (latest !== current) known = new WeakMap();
    current = latest;
    let rates = known.get(principal);
    if (rates === undefined) known.set(principal, rates = ratesIn(latest ?? [], principal));
    return rates;
  };
}

function ratesIn(rows: readonly AccessRow[], principal: Principal): AccessRates {
  const own = rows.filter((row) => concerns(row, principal));
  return {
    callsPerMinute: least(own.map((row) => row.callsPerMinute)),
    callsAtOnce: least(own.map((row) => row.callsAtOnce)),
  };
}

function least(numbers: readonly (number | undefined)[]): number | undefined {
  const given = numbers.filter((one) => one !== undefined);
  return given.length === 0 ? undefined : Math.min(...given);
}
