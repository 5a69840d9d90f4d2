/** The variables that say where a gateway stores, and how its instances reach each other. */
import { ConfigError } from "./config_error.ts";
import { secretsOfEngine } from "./engine_url.ts";
import type { StoreConfig } from "./store_config.ts";
import { type VariableName, variables, type VariableValue } from "./variables.ts";

/** Reads a variable that may be missing. */
type ReadVariable = <Name extends VariableName>(name: Name) => VariableValue<Name> | undefined;

/** Absent members: in the data folder, as the only instance. Throws if the key is missing. */
export function readStoreConfig(read: ReadVariable): StoreConfig {
  const choice = read("MCP_STORE");
  if (choice === undefined) return {};
  if (choice.engine !== undefined && read("MCP_SECRET") === undefined) {
    throw new ConfigError([
      "Cannot use MCP_STORE without MCP_SECRET: what is stored there is sealed with that key, and " +
      `every instance needs the same one; expected ${variables.MCP_SECRET.expected}`,
    ]);
  }
  return {
    store: choice.kind,
    engine: choice.engine,
    internalUrl: read("MCP_INTERNAL_URL"),
    internalAllow: read("MCP_INTERNAL_ALLOW"),
  };
}

/** What no log line may show. */
export function storeSecretsOf({ engine }: StoreConfig): readonly string[] {
  return engine === undefined ? [] : secretsOfEngine(engine);
}
