/** Times as people read them: "3 min ago", "1.2 s". */
import { msPerSecond } from "../limits.ts";

const minuteMs = 60 * msPerSecond;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** From this on a number has two digits and needs no decimal. */
const manyUnits = 10;

/** How long something took, with two digits at most; a clock that was put back leaves nothing. */
export function toDuration(ms: number): string {
  if (ms < msPerSecond) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < minuteMs) return `${toShort(ms / msPerSecond)} s`;
  if (ms < hourMs) return `${toShort(ms / minuteMs)} min`;
  return ms < 2 * dayMs ? `${toShort(ms / hourMs)} h` : `${Math.round(ms / dayMs)} days`;
}

function toShort(value: number): string {
  return value < manyUnits ? String(Number(value.toFixed(1))) : String(Math.round(value));
}

/** How long ago a moment was; both in milliseconds since 1970. */
export function toAgo(moment: number, now: number): string {
  const ms = now - moment;
  if (!Number.isFinite(ms)) return "";
  if (ms < msPerSecond) return "now";
  if (ms < minuteMs) return `${Math.floor(ms / msPerSecond)} s ago`;
  if (ms < hourMs) return `${Math.floor(ms / minuteMs)} min ago`;
  return ms < 2 * dayMs ? `${Math.floor(ms / hourMs)} h ago` : `${Math.floor(ms / dayMs)} days ago`;
}
