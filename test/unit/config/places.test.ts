/** Where the files of a gateway are: in the current folder, where variables say, or in the account. */
import { describe, expect, test } from "bun:test";
import { folderOf, resolvePath, toFileUri } from "../../../src/config/path.ts";
import { findPlaces, type PlacesInput } from "../../../src/config/places.ts";

type Env = PlacesInput["env"];

/** The places for the folder /project of a person on Linux; `files` are the paths that exist. */
function find(env: Env = {}, files: readonly string[] = [], more: Partial<PlacesInput> = {}) {
  const { configPath, dataDirectory } = whole(env, files, more);
  return [configPath, dataDirectory];
}

function whole(env: Env = {}, files: readonly string[] = [], more: Partial<PlacesInput> = {}) {
  return findPlaces({
    env: { HOME: "/home/me", ...env },
    cwd: "/project",
    platform: "linux",
    homeFolder: "/home/me",
    exists: (path) => files.some((file) => file === path || file.startsWith(`${path}/`)),
    list(folder) {
      const inside = files.filter((file) => file.startsWith(`${folder}/`));
      if (inside.length === 0) return undefined;
      return inside.filter((file) => file !== `${folder}/`)
        .map((file) => file.slice(folder.length + 1).split("/")[0] ?? "");
    },
    ...more,
  });
}

const ofAccount = ["/home/me/.config/mcp-wrapper/mcp.json", "/home/me/.local/state/mcp-wrapper"];
const ofFolder = ["/project/mcp.json", "/project/data"];

describe("the places of the files", () => {
  test("are those of the account from any folder that has neither file nor data", () => {
    expect(find()).toEqual(ofAccount);
    expect(find({}, ["/project/package.json"])).toEqual(ofAccount);
    expect(find({ XDG_CONFIG_HOME: "/c", XDG_STATE_HOME: "/s" }))
      .toEqual(["/c/mcp-wrapper/mcp.json", "/s/mcp-wrapper"]);
    expect(whole().configWhy).toBe(
      "the usual place of this account, since the current folder has no mcp.json and no data folder",
    );
  });

  test("a relative XDG folder is invalid and has no effect", () => {
    expect(find({ XDG_CONFIG_HOME: "c", XDG_STATE_HOME: "" })).toEqual(ofAccount);
  });

  test("are those of the current folder if it has an mcp.json or a data folder", () => {
    expect(find({}, ["/project/mcp.json"])).toEqual(ofFolder);
    expect(find({}, ["/project/data/mcp-wrapper.db"])).toEqual(ofFolder);
    expect(find({}, ["/project/data/"])).toEqual(ofFolder);
    expect(whole({}, ["/project/mcp.json"]).dataWhy).toBe(
      "the current folder, since it has an mcp.json",
    );
  });

  test("a data folder with the files of another program is not the gateway's", () => {
    expect(find({}, ["/project/data/prices.csv"])).toEqual(ofAccount);
    expect(find({}, ["/project/data/prices.csv", "/project/data/secret.key"])).toEqual(ofFolder);
  });

  test("a file with the name of the data folder is not the gateway's, nor is one it cannot read", () => {
    expect(find({}, ["/project/data"])).toEqual(ofAccount);
    expect(find({}, ["/project/data/secret.key"], { list: () => undefined })).toEqual(ofAccount);
  });

  test("only the configuration of the account may be named before it exists", () => {
    const usual = { MCP_CONFIG: "/home/me/.config/mcp-wrapper/mcp.json" };
    expect(whole(usual).isUsualConfig).toBe(true);
    expect(whole().isUsualConfig).toBe(true);
    expect(whole({ MCP_CONFIG: "/other/mcp.json" }).isUsualConfig).toBe(false);
    expect(whole({}, ["/project/mcp.json"]).isUsualConfig).toBe(false);
  });

  test("a variable decides about its own place, and the other stays in the current folder", () => {
    expect(find({ MCP_CONFIG: "conf/a.json" })).toEqual(["/project/conf/a.json", "/project/data"]);
    expect(find({ MCP_DATA_DIR: "~/state" })).toEqual(["/project/mcp.json", "/home/me/state"]);
    expect(find({ MCP_DATA_DIR: ":memory:" })).toEqual(["/project/mcp.json", ":memory:"]);
    expect(find({ MCP_CONFIG: " ", MCP_DATA_DIR: "" })).toEqual(ofAccount);
    const { configWhy, dataWhy } = whole({ MCP_CONFIG: "/a.json" });
    expect([configWhy, dataWhy]).toEqual([
      "MCP_CONFIG or --config says so",
      "the current folder, since MCP_CONFIG is set",
    ]);
  });

  test("are in one folder on macOS and on Windows", () => {
    expect(find({}, [], { platform: "darwin" })).toEqual([
      "/home/me/Library/Application Support/mcp-wrapper/mcp.json",
      "/home/me/Library/Application Support/mcp-wrapper/data",
    ]);
    const windows = { platform: "win32", cwd: "D:\\project", homeFolder: "C:\\Users\\me" };
    const ofWindows = [
      "C:/Users/me/AppData/Roaming/mcp-wrapper/mcp.json",
      "C:/Users/me/AppData/Roaming/mcp-wrapper/data",
    ];
    expect(find({ HOME: "" }, [], windows)).toEqual(ofWindows);
    expect(find({ HOME: "", APPDATA: "C:\\Users\\me\\AppData\\Roaming" }, [], windows))
      .toEqual(ofWindows);
    expect(find({ HOME: "" }, ["D:/project/mcp.json"], windows))
      .toEqual(["D:/project/mcp.json", "D:/project/data"]);
  });

  test("an account without a home folder uses the current one", () => {
    expect(find({ HOME: "" }, [], { homeFolder: "" })).toEqual(ofFolder);
  });
});

describe("paths of Windows", () => {
  test("keep their drive or share, whichever slashes they have", () => {
    expect(resolvePath("C:\\a\\b", "..\\c.json")).toBe("C:/a/c.json");
    expect(resolvePath("C:/a", "D:\\x\\.\\y")).toBe("D:/x/y");
    expect(resolvePath("C:/a", "\\x")).toBe("C:/x");
    expect(resolvePath("\\\\host\\share\\a", "../../b")).toBe("\\\\host\\share/b");
    expect(folderOf("C:\\a\\b.json")).toBe("C:\\a");
    expect(toFileUri("C:\\a b\\c")).toBe("file:///C:/a%20b/c");
  });

  test("are ordinary names where paths are POSIX", () => {
    expect(resolvePath("/a", "C:\\x")).toBe("/a/C:\\x");
    expect(resolvePath("/a", "b\\c")).toBe("/a/b\\c");
    expect(toFileUri("/a/C:/x")).toBe("file:///a/C%3A/x");
  });
});
