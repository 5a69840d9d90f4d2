/** The machine of a benchmark. */
import { thisRuntime, titles } from "../../test/support/runtimes.ts";
import { cpus, loadavg, totalmem } from "node:os";
import process from "node:process";

const bytesPerGigabyte = 1024 ** 3;

/** Runtime, system and processor, and how busy the machine was before. */
export function describeMachine(): { runtime: string; machine: string; load: string } {
  const cores = cpus();
  const processor = `${cores.length} × ${cores[0]?.model ?? "unknown processor"}`;
  const memory = `${(totalmem() / bytesPerGigabyte).toFixed(0)} GiB`;
  return {
    runtime: `${titles[thisRuntime]} ${process.versions[thisRuntime]}`,
    machine: `${process.platform} ${process.arch}, ${processor}, ${memory}`,
    load: `load average ${(loadavg()[0] ?? 0).toFixed(1)}`,
  };
}
