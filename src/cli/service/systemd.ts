/** The gateway as a unit of the systemd of an account: it runs while the person is logged in. */
import type { ServiceManager, ServicePlace, ServiceSpec } from "./service_manager.ts";

const unit = "mcp-wrapper.service";
const systemctl = (...args: string[]): readonly [string, ...string[]] => [
  "systemctl",
  "--user",
  ...args,
];

/** The manager. */
export const systemd: ServiceManager = {
  name: "systemd",
  file: ({ homeFolder, configFolder }: ServicePlace) =>
    `${configFolder ?? `${homeFolder}/.config`}/systemd/user/${unit}`,
  text: unitText,
  install: () => [
    { command: systemctl("daemon-reload") },
    { command: systemctl("enable", unit) },
    // Unlike `enable --now`, this also replaces one that runs.
    { command: systemctl("restart", unit) },
  ],
  uninstall: () => [{ command: systemctl("disable", "--now", unit), mayFail: true }],
  forget: () => [{ command: systemctl("daemon-reload"), mayFail: true }],
  inspect: () => [
    { command: systemctl("is-enabled", unit), mayFail: true },
    { command: systemctl("is-active", unit), mayFail: true },
  ],
  read: ([enabled, active]) => ({
    isEnabled: enabled?.stdout.trim() === "enabled",
    isRunning: active?.stdout.trim() === "active",
  }),
  advice: "It runs while you are logged in; loginctl enable-linger keeps it running without you. " +
    `Its output: journalctl --user -u ${unit}`,
};

/** The text of the unit. */
function unitText({ command, folder, env }: ServiceSpec): string {
  const variables = Object.entries(env).map(([name, value]) =>
    `Environment=${quoteValue(`${name}=${value}`)}`
  );
  return [
    "[Unit]",
    "Description=mcp-wrapper: one URL for all MCP servers",
    "",
    "[Service]",
    `ExecStart=${command.map(quoteWord).join(" ")}`,
    // This key takes the rest of the line as it is.
    `WorkingDirectory=${folder.replaceAll("%", "%%")}`,
    ...variables,
    "Restart=on-failure",
    "RestartSec=5",
    "# A wrong configuration: another start cannot help.",
    "RestartPreventExitStatus=2",
    "# The gateway stops its servers itself.",
    "KillMode=mixed",
    "TimeoutStopSec=30",
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}

/** A value between quotes, in which `%` would begin a specifier. */
const quoteValue = (text: string): string =>
  `"${text.replace(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;

/** A word of a command line, in which `$` would begin a variable, too. */
const quoteWord = (word: string): string => quoteValue(word).replaceAll("$", "$$$$");
