/**
 * The variables in the `.env` next to `mcp.json`: gives secrets names that are free and that are no
 * variables of the gateway, and adds them to the text of the file.
 */
import { parse } from "dotenv";
import { ConfigError } from "../../config/config_error.ts";
import { variables } from "../../config/variables.ts";
import { layoutOf } from "../text_layout.ts";

/** The variables that an import adds. */
export interface SecretVariables {
  /**
   * The name for a secret of a server: an earlier one if the value is the same. `isShort`: the
   * wanted name may stand without the server's.
   */
  name(server: string, wanted: string, value: string, isShort: boolean): string;
  /** The new ones, in the order of their use. */
  readonly added: ReadonlyMap<string, string>;
  /** The text of the file with them. Throws a ConfigError if a value has no form in it. */
  text(): string;
}

/** Starts with the text of the file, and all variables that the gateway sees. */
export function createSecretVariables(
  before: string,
  path: string,
  env: Readonly<Record<string, string>>,
): SecretVariables {
  const stored: Readonly<Record<string, string>> = parse(before);
  const added = new Map<string, string>();
  const valueOf = (name: string) => added.get(name) ?? env[name] ?? stored[name];
  return {
    added,
    name(server, wanted, value, isShort) {
      const own = `${prefixOf(server)}_${wanted}`;
      const names = [
        ...(isShort ? [wanted] : []),
        own,
        ...Array.from({ length: 98 }, (_, at) => `${own}_${at + 2}`),
      ];
      const name = names.find((candidate) =>
        !isOurs(candidate) && [undefined, value].includes(valueOf(candidate))
      );
      if (name === undefined) throw new ConfigError([`Cannot name a secret of "${server}"`]);
      if (stored[name] !== value) added.set(name, value);
      return name;
    },
    text() {
      const { lineEnd } = layoutOf(before);
      const gap = before === "" || before.endsWith("\n") ? "" : lineEnd;
      const lines = [...added].map(([name, value]) =>
        `${name}=${quote(name, value, path)}${lineEnd}`
      );
      const next = before + gap + lines.join("");
      const read = parse(next);
      for (const [name, value] of Object.entries({ ...stored, ...Object.fromEntries(added) })) {
        if (read[name] !== value) throw unwritable(name, path);
      }
      return next;
    },
  };
}

/** Names that the gateway itself reads, and a few that every program does. */
function isOurs(name: string): boolean {
  return name in variables || name.startsWith("MCP_") ||
    ["PATH", "HOME", "USER", "SHELL", "TMPDIR", "NODE_OPTIONS"].includes(name);
}

function prefixOf(server: string): string {
  const name = server.toUpperCase().replace(/[^A-Z0-9]+/g, "_").replace(/^_+|_+$/g, "");
  return /^[A-Z]/.test(name) && name !== "MCP" && !name.startsWith("MCP_")
    ? name
    : `SERVER_${name}`;
}

/** A value as the file has it: plain, or in the first kind of quotes that is not in it. */
function quote(name: string, value: string, path: string): string {
  if (/^[\w./+:=@%~,-]+$/.test(value)) return value;
  const mark = ["'", "`", '"'].find((one) => !value.includes(one));
  if (mark === undefined || (mark === '"' && value.includes("\\"))) throw unwritable(name, path);
  return `${mark}${value}${mark}`;
}

function unwritable(name: string, path: string): ConfigError {
  return new ConfigError([
    `Cannot write ${name} to ${path}: the file has no form for its value; set the variable yourself`,
  ]);
}
