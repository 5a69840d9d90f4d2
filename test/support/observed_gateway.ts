/** A gateway whose metrics and audit trail a test reads, with a data folder of its own. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GatewayConfig } from "../../src/config/config.ts";
import { type AccessGateway, type AccessOptions, startWithAccess } from "./access_gateway.ts";
import { type ReadMetrics, readMetrics } from "./metric_text.ts";

/** One line of the audit trail. */
export type AuditRecord = Readonly<Record<string, unknown>>;

/** The gateway, and what it says of itself. */
export interface ObservedGateway extends AccessGateway {
  readonly folder: string;
  metrics(): Promise<ReadMetrics>;
  /** The text of the audit files, the oldest first; "" where there is none. */
  auditText(): string;
  records(): AuditRecord[];
  /** Removes the folder, after `close`. */
  remove(): void;
}

/** Starts it, with metrics and the audit trail on. */
export async function startObserved(options: AccessOptions): Promise<ObservedGateway> {
  const folder = mkdtempSync(join(tmpdir(), "mcp-wrapper-observed-"));
  const own: Partial<GatewayConfig> = { dataDirectory: folder, metrics: true, audit: "on" };
  const gateway = await startWithAccess({ ...options, config: { ...own, ...options.config } })
    .catch((thrown) => {
      rmSync(folder, { recursive: true, force: true });
      throw thrown;
    });
  const auditText = () => {
    const names = readdirSync(join(folder, "logs")).filter((name) => name.startsWith("audit.log"));
    // The highest number is the oldest, and the newest has none.
    const ageOf = (name: string) => Number(name.split(".")[2] ?? 0);
    return names.toSorted((one, other) => ageOf(other) - ageOf(one))
      .map((name) => readFileSync(join(folder, "logs", name), "utf8")).join("");
  };
  return {
    ...gateway,
    folder,
    async metrics() {
      const text = await gateway.gateway.metrics();
      if (text === undefined) throw new Error("No metrics are collected");
      return readMetrics(text);
    },
    auditText,
    records: () =>
      auditText().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
