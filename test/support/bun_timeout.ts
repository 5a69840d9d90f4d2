/**
 * Loaded by Bun before the tests (bunfig.toml): a test or hook that names no time of its own may take
 * two minutes instead of five seconds. Bun sets its default back at the head of each file, so the
 * longer one is set there, on the first line, where it moves no line number.
 */
import { plugin } from "bun";
import { testMsMax } from "./wait.ts";

plugin({
  name: "two minutes for a test",
  setup(build) {
    build.onLoad({ filter: /\.test\.ts$/ }, async ({ path }) => {
      const text = await Bun.file(path).text();
      const head = `import { setDefaultTimeout as setTimeoutOfTests } from "bun:test";` +
        `setTimeoutOfTests(${testMsMax});`;
      return { contents: head + text, loader: "ts" };
    });
  },
});
