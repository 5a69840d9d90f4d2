/** Opens a URL in the browser of the person at this machine, where there is one. */
import { defaultLimits } from "../limits.ts";
import type { CommandContext } from "./command.ts";

type Env = Readonly<Record<string, string>>;

/** The program that opens URLs, by platform; undefined: no browser can appear. */
function openerOf(platform: string, env: Env): readonly [string, ...string[]] | undefined {
  // Over SSH it would open on another machine than the person's.
  if (env["SSH_CONNECTION"] !== undefined || env["SSH_TTY"] !== undefined) return undefined;
  if (platform === "darwin") return ["open"];
  // Unlike `start`, it takes any character of a URL as it is.
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  const hasScreen = [env["DISPLAY"], env["WAYLAND_DISPLAY"], env["WSL_DISTRO_NAME"]]
    .some((value) => value !== undefined && value !== "");
  return hasScreen ? ["xdg-open"] : undefined;
}

/**
 * Opens the URL; false if there is no browser. The environment of the program is that of this one,
 * so that it finds the screen.
 */
export async function openBrowser(
  { platform: { runtime, system } }: Pick<CommandContext, "platform">,
  url: string,
): Promise<boolean> {
  const [command, ...args] = openerOf(system.platform, runtime.env) ?? [];
  if (command === undefined || !system.isTerminal("stderr")) return false;
  try {
    const { code } = await system.run(command, {
      args: [...args, url],
      env: runtime.env,
      withinMs: defaultLimits.browserStartMs,
      outputBytesMax: 0,
    });
    return code === 0;
  } catch {
    // The program is not installed.
    return false;
  }
}
