/** Which surface of the gateway a command uses: that of all servers, of one, or of a profile. */
import type { CommandValues } from "./command.ts";
import { CommandError } from "./command_error.ts";

/** The folders of the URLs of surfaces with names. */
type NamedKind = "servers" | "profiles";

/** One surface; undefined: that of all servers. */
export type SurfaceChoice = { readonly kind: NamedKind; readonly name: string } | undefined;

/** The surface that a command line names, by a server or by the flag `--profile`. */
export function chooseSurface(values: CommandValues, server: string | undefined): SurfaceChoice {
  const profile = values.option("profile");
  if (profile === undefined) {
    return server === undefined ? undefined : { kind: "servers", name: server };
  }
  if (server === undefined) return { kind: "profiles", name: profile };
  throw new CommandError(
    "usage",
    `Cannot use server "${server}" and profile "${profile}" at once; leave out one of them`,
  );
}

/** The path of its MCP endpoint. */
export function endpointOf(choice: SurfaceChoice): string {
  return choice === undefined ? "/mcp" : `/${choice.kind}/${encodeURIComponent(choice.name)}/mcp`;
}

/** What the gateway calls it. */
export function surfaceOf(choice: SurfaceChoice): string {
  return choice === undefined ? "/mcp" : `/${choice.kind}/${choice.name}`;
}

/** The flags by which `stdio` serves it. */
export function stdioWords(choice: SurfaceChoice): readonly string[] {
  if (choice === undefined) return [];
  return [choice.kind === "servers" ? "--server" : "--profile", choice.name];
}

/** What it is called in a sentence for a person. */
export function describeSurface(choice: NonNullable<SurfaceChoice>): string {
  const { kind, name } = choice;
  return `${kind === "servers" ? "server" : "profile"} ${JSON.stringify(name)}`;
}
