/** The gateway as an agent of launchd: it runs while the person is logged in. */
import type { ServiceManager, ServicePlace, ServiceSpec } from "./service_manager.ts";

const label = "local.mcp-wrapper";
const domain = ({ account }: ServicePlace): string => `gui/${account}`;
const fileOf = ({ homeFolder }: ServicePlace): string =>
  `${homeFolder}/Library/LaunchAgents/${label}.plist`;

/** The manager. */
export const launchd: ServiceManager = {
  name: "launchd",
  file: fileOf,
  text: agentText,
  install: (place) => [
    // One that runs keeps its old file until it is unloaded.
    { command: ["launchctl", "bootout", `${domain(place)}/${label}`], mayFail: true },
    { command: ["launchctl", "bootstrap", domain(place), fileOf(place)] },
  ],
  uninstall: (place) => [
    { command: ["launchctl", "bootout", `${domain(place)}/${label}`], mayFail: true },
  ],
  forget: () => [],
  inspect: (place) => [
    { command: ["launchctl", "print", `${domain(place)}/${label}`], mayFail: true },
  ],
  read: ([printed]) => ({
    isEnabled: printed?.code === 0,
    isRunning: printed?.code === 0 && /^\s*state = running$/m.test(printed.stdout),
  }),
  advice: "It runs while you are logged in. Its output is in the log of the gateway.",
};

/** The text of the agent's property list. */
function agentText({ command, folder, env }: ServiceSpec): string {
  const variables = Object.entries(env).flatMap(([name, value]) => [
    `    <key>${escapeText(name)}</key>`,
    `    <string>${escapeText(value)}</string>`,
  ]);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN"' +
    ' "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    "<dict>",
    "  <key>Label</key>",
    `  <string>${label}</string>`,
    "  <key>ProgramArguments</key>",
    "  <array>",
    ...command.map((word) => `    <string>${escapeText(word)}</string>`),
    "  </array>",
    "  <key>WorkingDirectory</key>",
    `  <string>${escapeText(folder)}</string>`,
    "  <key>EnvironmentVariables</key>",
    "  <dict>",
    ...variables,
    "  </dict>",
    "  <key>RunAtLoad</key>",
    "  <true/>",
    "  <key>KeepAlive</key>",
    "  <dict>",
    "    <key>SuccessfulExit</key>",
    "    <false/>",
    "  </dict>",
    "  <key>ThrottleInterval</key>",
    "  <integer>10</integer>",
    "  <key>ExitTimeOut</key>",
    "  <integer>30</integer>",
    "</dict>",
    "</plist>",
    "",
  ].join("\n");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const escapeText = (text: string): string => text.replace(/[&<>]/g, (sign) => entities[sign] ?? "");
