/**
 * The servers behind the instances of `bench instances`: a program that each session has for
 * itself, one that each instance has, a remote MCP server and a web API. They echo, or they write
 * down what they carry out.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostileCommand } from "../../test/fault/hostile_command.ts";
import { serveApi } from "../../test/support/api_server.ts";
import {
  countingRecipe,
  serveCounting,
  serveCountingApi,
} from "../../test/support/counting_server.ts";
import { programCommand, thisRuntime } from "../../test/support/spawn_gateway.ts";
import { serveSoakRemote } from "./soak_remote.ts";

/** The servers' names. */
export const serverNames = ["own", "all", "far", "web"] as const;

/** The entries of mcp.json, and what else the instances need for them. */
export interface InstanceServers {
  readonly servers: Readonly<Record<typeof serverNames[number], unknown>>;
  /** Writes the recipe of the web API into the folder of an instance. */
  prepare(directory: string): void;
  close(): Promise<void>;
}

const recipe = "recipe.json";

const withRecipe = (value: unknown) => (directory: string): void =>
  writeFileSync(join(directory, recipe), JSON.stringify(value));

/** Servers with the tool `echo`, which answers with the nonce that it gets. */
export async function openEchoes(): Promise<InstanceServers> {
  const far = await serveSoakRemote("far");
  const web = await serveApi({
    "*": ({ query, json }) => json({ nonce: query.get("nonce") }),
  });
  return {
    servers: {
      own: hostileCommand(),
      all: { ...hostileCommand(), isolation: "shared" },
      far: { url: far.url },
      web: { recipe: `./${recipe}` },
    },
    prepare: withRecipe({
      title: "Echo",
      description: "Says it again.",
      baseUrl: web.origin,
      endpoints: [{
        name: "echo",
        description: "Says it again.",
        path: "/echo",
        parameters: { nonce: { in: "query", required: true, schema: { type: "string" } } },
      }],
    }),
    async close() {
      far.close();
      await web.close();
    },
  };
}

/** Servers with the tool `work`, whose calls have side effects. */
export interface CountingServers extends InstanceServers {
  /** Where each call was carried out: the place of the instance, or -1 behind it. */
  executions(directories: readonly string[]): ReadonlyMap<string, readonly number[]>;
}

const written = "calls";

/** Opens them. */
export async function openCounting(): Promise<CountingServers> {
  const far = await serveCounting("sessions");
  const web = await serveCountingApi();
  const program = programCommand("test/support/counting_child.ts", [written], thisRuntime);
  return {
    servers: {
      own: program,
      all: { ...program, isolation: "shared" },
      far: { url: far.url },
      web: { recipe: `./${recipe}` },
    },
    prepare(directory) {
      withRecipe(countingRecipe(web.url))(directory);
      writeFileSync(join(directory, written), "");
    },
    executions(directories) {
      const found = new Map<string, number[]>();
      const note = (call: string, place: number) =>
        void found.set(call, [...found.get(call) ?? [], place]);
      for (const [place, directory] of directories.entries()) {
        for (const call of readFileSync(join(directory, written), "utf8").split("\n")) {
          if (call !== "") note(call, place);
        }
      }
      for (const { executions } of [far, web]) {
        for (const [call, times] of executions) {
          for (let time = 0; time < times; time += 1) note(call, -1);
        }
      }
      return found;
    },
    async close() {
      await far.close();
      await web.close();
    },
  };
}
