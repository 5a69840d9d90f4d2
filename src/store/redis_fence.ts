/**
 * The part of scripts that refuses writes of an earlier owner. `KEYS[2]` is the root of the owners'
 * table, whose keys are in the same slot of a cluster as all others. A number is "" where no instance
 * owns anything, as in commands.
 */
import type { Fence } from "../instances/fence.ts";

/** Defines `outrun(key, number)`, which a script asks before it writes for a session. */
export const fenceHead = `local function outrun(key, number)
  if number == '' then return false end
  local newest = redis.call('HGET', KEYS[2] .. ':o:' .. key, 'number')
  return newest and tonumber(newest) > tonumber(number)
end
`;

/** What a script returns for a write that was refused. */
export const outrunReply = -1;

/** A number as a script takes it. */
export function toFenceText(number: number | undefined): string {
  return number === undefined ? "" : String(number);
}

/** Reports keys whose writes were refused, with the numbers that the writes had. */
export function reportOutrun(
  fence: Pick<Fence, "outrun">,
  refused: unknown,
  numbers: ReadonlyMap<string, number | undefined>,
): void {
  if (!Array.isArray(refused)) return;
  for (const key of refused) {
    const number = numbers.get(String(key));
    if (number !== undefined) fence.outrun(String(key), number);
  }
}
