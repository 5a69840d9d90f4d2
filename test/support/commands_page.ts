/**
 * Makes docs/commands.md from the commands themselves, so that the page and the help never differ.
 * As a program it writes the page.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readCommandLine } from "../../src/cli/command_line.ts";
import { commands } from "../../src/cli/commands.ts";
import { projectDirectory } from "./spawn_gateway.ts";

const head = `# Commands

\`mcp-wrapper COMMAND\`; without a command it is \`start\`. In a copy of the repository, write
\`bun run cli COMMAND\` or \`deno task cli COMMAND\`. This page is the help of each command.

| Exit code | Meaning                                                      |
| --------- | ------------------------------------------------------------ |
| 0         | success                                                      |
| 1         | something went wrong, or a check found a problem             |
| 2         | wrong arguments, or a wrong configuration                    |
| 3         | no such server, tool, profile, client or file                |
| 4         | the command needs a running gateway, and none runs           |
| 5         | a confirmation (\`--yes\` gives it) or a log-in is missing     |
| 130       | interrupted by Ctrl-C                                        |

Results go to stdout, everything else to stderr. With \`--json\` the result is one JSON value, and an
error is \`{"error": {"code", "message"}}\` on stderr.
`;

function helpOf(name: string): string {
  const line = readCommandLine([name, "--help"], commands);
  return line.kind === "show" ? line.text : "";
}

/** The whole page. */
export function makeCommandsPage(): string {
  const chapters = commands.map(({ name }) =>
    `## ${name}\n\n\`\`\`text\n${helpOf(name)}\n\`\`\`\n`
  );
  return [head, ...chapters].join("\n");
}

if (import.meta.main) {
  writeFileSync(join(projectDirectory, "docs/commands.md"), makeCommandsPage());
}
