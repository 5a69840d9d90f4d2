/** A gateway with the servers of test/conformance behind it: each era, over stdio and over HTTP. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startHttpFixture } from "../conformance/start_fixture.ts";
import { programCommand, type SpawnedGateway, spawnGateway } from "./spawn_gateway.ts";

/** The servers' eras. */
export const serverEras: readonly string[] = ["legacy", "modern", "dual"];

/** The gateway, and a folder for the files of visits. */
export interface EraGateway {
  readonly gateway: SpawnedGateway;
  readonly directory: string;
  dispose(): Promise<void>;
}

/** Starts servers (`legacy-stdio`, `dual-http` and so on) with a gateway in front. */
export async function spawnEraGateway(
  transports: readonly ("stdio" | "http")[],
): Promise<EraGateway> {
  const directory = mkdtempSync(join(tmpdir(), "mcp-wrapper-eras-"));
  const children: ChildProcess[] = [];
  const end = () => {
    for (const child of children) child.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const rows: Record<string, unknown> = {};
    await Promise.all(serverEras.map(async (era) => {
      if (transports.includes("stdio")) {
        rows[`${era}-stdio`] = programCommand("test/conformance/fixture_stdio.ts", ["--era", era]);
      }
      if (!transports.includes("http")) return;
      const { url, child } = await startHttpFixture(era);
      children.push(child);
      rows[`${era}-http`] = { url };
    }));
    const gateway = await spawnGateway({ servers: rows });
    return {
      gateway,
      directory,
      dispose: () => gateway.dispose().finally(end),
    };
  } catch (fault) {
    end();
    throw fault;
  }
}
