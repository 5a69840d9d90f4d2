/** Where clients keep their files on each system, as the table says and their variables decide. */
import { describe, expect, test } from "bun:test";
import { clients } from "../../../src/cli/clients/client_table.ts";
import {
  findClient,
  placeOf,
  recogniseFile,
  userFilesOf,
} from "../../../src/cli/clients/client_places.ts";
import { CommandError } from "../../../src/cli/command_error.ts";
import type { FileFacts, System } from "../../../src/runtime/system.ts";
import { createNodeSystem } from "../../../src/runtime/node_system.ts";

/** A machine of another system, with these files on it. */
function machine(
  platform: string,
  homeFolder: string,
  files: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const slashed = (path: string) => path.replaceAll("\\", "/");
  const all = files.map(slashed);
  const describeFile = (path: string): FileFacts | undefined => {
    const own = slashed(path);
    const kind = all.includes(own)
      ? "file"
      : all.some((file) => file.startsWith(`${own}/`))
      ? "folder"
      : undefined;
    return kind &&
      {
        kind,
        mode: 0o600,
        bytes: 1,
        modifiedAt: 0,
        realPath: path,
        isOwn: true,
        isForAll: false,
        id: path,
      };
  };
  const system: System = {
    ...createNodeSystem(),
    platform,
    homeFolder,
    describe: describeFile,
    list: (folder) => [
      ...new Set(
        all.filter((file) => file.startsWith(`${slashed(folder)}/`))
          .map((file) => file.slice(folder.length + 1).split("/")[0] ?? ""),
      ),
    ],
  };
  return { system, env, cwd: platform === "win32" ? "C:\\work" : "/work" };
}

const place = (id: string, around: ReturnType<typeof machine>) =>
  placeOf(findClient(id), "user", around);

describe("the file of a client", () => {
  const places: Readonly<Record<string, readonly [linux: string, mac: string, windows: string]>> = {
    "claude-desktop": [
      "/home/me/.config/Claude/claude_desktop_config.json",
      "/Users/me/Library/Application Support/Claude/claude_desktop_config.json",
      "C:\\Users\\me\\AppData\\Roaming\\Claude\\claude_desktop_config.json",
    ],
    "claude-code": [
      "/home/me/.claude.json",
      "/Users/me/.claude.json",
      "C:\\Users\\me\\.claude.json",
    ],
    "cursor": [
      "/home/me/.cursor/mcp.json",
      "/Users/me/.cursor/mcp.json",
      "C:\\Users\\me\\.cursor\\mcp.json",
    ],
    "vscode": [
      "/home/me/.config/Code/User/mcp.json",
      "/Users/me/Library/Application Support/Code/User/mcp.json",
      "C:\\Users\\me\\AppData\\Roaming\\Code\\User\\mcp.json",
    ],
    "windsurf": [
      "/home/me/.codeium/windsurf/mcp_config.json",
      "/Users/me/.codeium/windsurf/mcp_config.json",
      "C:\\Users\\me\\.codeium\\windsurf\\mcp_config.json",
    ],
    "zed": [
      "/home/me/.config/zed/settings.json",
      "/Users/me/.config/zed/settings.json",
      "C:\\Users\\me\\AppData\\Roaming\\Zed\\settings.json",
    ],
    "codex": [
      "/home/me/.codex/config.toml",
      "/Users/me/.codex/config.toml",
      "C:\\Users\\me\\.codex\\config.toml",
    ],
    "gemini": [
      "/home/me/.gemini/settings.json",
      "/Users/me/.gemini/settings.json",
      "C:\\Users\\me\\.gemini\\settings.json",
    ],
    "goose": [
      "/home/me/.config/goose/config.yaml",
      "/Users/me/.config/goose/config.yaml",
      "C:\\Users\\me\\AppData\\Roaming\\Block\\goose\\config\\config.yaml",
    ],
  };

  test("is known for every client on every system", () => {
    expect(Object.keys(places).sort()).toEqual(clients.map(({ id }) => id).sort());
    for (const [id, [linux, mac, windows]] of Object.entries(places)) {
      expect(place(id, machine("linux", "/home/me"))).toBe(linux);
      expect(place(id, machine("darwin", "/Users/me"))).toBe(mac);
      expect(place(id, machine("win32", "C:\\Users\\me"))).toBe(windows);
    }
  });

  test("is where the client's own variables say", () => {
    const env = {
      XDG_CONFIG_HOME: "/x",
      CODEX_HOME: "/c",
      CLAUDE_CONFIG_DIR: "/d",
      APPDATA: "E:\\a",
    };
    const linux = machine("linux", "/home/me", [], env);
    expect(place("goose", linux)).toBe("/x/goose/config.yaml");
    expect(place("codex", linux)).toBe("/c/config.toml");
    expect(place("claude-code", linux)).toBe("/d/.claude.json");
    expect(place("vscode", machine("win32", "C:\\Users\\me", [], env))).toBe(
      "E:\\a\\Code\\User\\mcp.json",
    );
  });

  test("is the one of the packaged Claude Desktop on Windows where that is installed", () => {
    const own =
      "C:/Users/me/AppData/Local/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude/x";
    expect(place("claude-desktop", machine("win32", "C:\\Users\\me", [own]))).toBe(
      "C:\\Users\\me\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc\\LocalCache\\Roaming\\Claude\\" +
        "claude_desktop_config.json",
    );
  });

  test("is that of the edition that is there", () => {
    const insiders = "/home/me/.config/Code - Insiders/User/settings.json";
    expect(place("vscode", machine("linux", "/home/me", [insiders]))).toBe(
      "/home/me/.config/Code - Insiders/User/mcp.json",
    );
    const both = ["Code", "VSCodium"].map((name) => `/home/me/.config/${name}/User/mcp.json`);
    expect(userFilesOf(clients, machine("linux", "/home/me", both)).map(({ path }) => path))
      .toEqual(
        both,
      );
  });

  test("inside a project is recognised by its path, and a copy by its name", () => {
    const around = machine("linux", "/home/me");
    const client = (path: string) => {
      const found = recogniseFile(path, around);
      return found && [found.client.id, found.scope];
    };
    expect(client("/p/.vscode/mcp.json")).toEqual(["vscode", "project"]);
    expect(client("/p/.cursor/mcp.json")).toEqual(["cursor", "project"]);
    expect(client("/p/.mcp.json")).toEqual(["claude-code", "project"]);
    expect(client("/home/me/.cursor/mcp.json")).toEqual(["cursor", "user"]);
    expect(client("/backup/claude_desktop_config.json")).toEqual(["claude-desktop", "user"]);
    // Two clients have files of this name.
    expect(client("/backup/settings.json")).toBeUndefined();
  });
});

test("a client is found by other spellings, and an unknown one names the nearest", () => {
  expect(findClient("Claude Desktop").id).toBe("claude-desktop");
  expect(findClient("code").id).toBe("vscode");
  let refusal: unknown;
  try {
    findClient("windsuf");
  } catch (thrown) {
    refusal = thrown;
  }
  expect(refusal).toBeInstanceOf(CommandError);
  expect(String(refusal)).toContain("did you mean windsurf?");
});
