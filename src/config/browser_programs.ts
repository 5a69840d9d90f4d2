/**
 * Programs that open a browser window when they start. The gateway starts them only when a client
 * needs them, unless the `start` key of the server says otherwise.
 */

/**
 * One program, by the name of its package or command, and the arguments that keep it windowless.
 */
interface BrowserProgram {
  readonly name: RegExp;
  readonly windowless: readonly RegExp[];
}

const programs: readonly BrowserProgram[] = [
  // Its log-in opens a browser.
  { name: /^mcp-remote(?:-client)?(?:@.*)?$/, windowless: [] },
  {
    name: /^(?:@playwright\/mcp(?:@.*)?|(?:mcp-server-playwright|playwright-mcp)(?:@.*)?)$/,
    windowless: [/^--headless(?:=true)?$/],
  },
];

/** Whether a command line is known to open a browser window. */
export function opensBrowser(
  { command, args = [] }: {
    readonly command?: string | undefined;
    readonly args?: readonly string[] | undefined;
  },
): boolean {
  if (command === undefined) return false;
  const words = [command.replace(/^.*[\\/]/, ""), ...args];
  return programs.some(({ name, windowless }) =>
    words.some((word) => name.test(word)) &&
    !args.some((arg) => windowless.some((pattern) => pattern.test(arg)))
  );
}
