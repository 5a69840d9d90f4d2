/** The machine of a benchmark, in one line. */
import { cpus, loadavg } from "node:os";
import process from "node:process";

/** Runtime, system and processor, and how busy the machine was before. */
export function describeMachine(): string {
  const { bun, deno } = process.versions;
  const runtime = bun === undefined ? `Deno ${deno}` : `Bun ${bun}`;
  const cores = cpus();
  const processor = `${cores.length} x ${cores[0]?.model ?? "unknown processor"}`;
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `${runtime}, ${process.platform} ${process.arch}, ${processor}, load average ${load}`;
}
