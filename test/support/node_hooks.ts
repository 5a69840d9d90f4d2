/** Loaded by Node before the tests: gives `bun:test` the same stand-in that Deno uses. */
import { registerHooks } from "node:module";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "bun:test"
      ? { url: new URL("./bun_test.ts", import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
});
