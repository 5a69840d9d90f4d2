/** The key `pin` of `mcp.json`, and what makes a server another program. */
import { describe, expect, test } from "bun:test";
import { pinModeOf } from "../../../src/config/pin_mode.ts";
import { programIdentity } from "../../../src/config/program_identity.ts";
import { sameServer } from "../../../src/config/same_server.ts";
import { failed, read, readOne, refusal, stdio } from "./read.ts";

const modeOf = async (file: object) => pinModeOf(stdio(await read(file)));

describe("pin", () => {
  test("is that of the server, else that of the file, else warn", async () => {
    const files = (pin: object) => ({ mcpServers: { files: { command: "x", ...pin } } });
    expect(await modeOf(files({}))).toBe("warn");
    expect(await modeOf({ pin: "quarantine", ...files({}) })).toBe("quarantine");
    expect(await modeOf({ pin: "quarantine", ...files({ pin: "off" }) })).toBe("off");
  });

  test("is refused with the known values where it has another one", async () => {
    const server = failed(await readOne({ command: "x", pin: "warm" }));
    expect(server.problem).toContain(
      'mcpServers.files.pin in mcp.json: expected "warn", "quarantine" or "off", got "warm"',
    );
    expect(await refusal(read({ pin: true, mcpServers: {} }))).toContain(
      'Cannot use pin in /etc/gateway/mcp.json: expected "warn", "quarantine" or "off"',
    );
  });

  test("is a change of the server", async () => {
    const [before, after] = await Promise.all(
      ["warn", "quarantine"].map(async (pin) => stdio(await readOne({ command: "x", pin }))),
    );
    if (before === undefined || after === undefined) throw new Error("Cannot read a server");
    expect(sameServer(before, after)).toBe(false);
  });
});

/** The identity of an entry. */
async function identityOf(entry: object): Promise<string | undefined> {
  const [server] = (await readOne(entry)).servers;
  if (server === undefined || server.kind === "failed") throw new Error(JSON.stringify(server));
  return programIdentity(server);
}

const command = (line: string) => {
  const [first, ...args] = line.split(" ");
  return { command: first, args };
};

describe("a server is the same program", () => {
  const same: readonly (readonly [string, object, object])[] = [
    [
      "in another version of its package",
      command("npx -y @modelcontextprotocol/server-files@1.0.0 /home"),
      command("npx -y @modelcontextprotocol/server-files@2.0.0-beta.1 /home"),
    ],
    [
      "without a version",
      command("npx server-files@latest"),
      command("npx.cmd --yes server-files"),
    ],
    ["of PyPI", command("uvx mcp-server-git==1.2"), command("uvx mcp-server-git>=2")],
    ["of uvx --from", command("uvx --from git@1 a"), command("uvx --from git@2 a")],
    [
      "of an image",
      command("docker run -i --rm -e TOKEN ghcr.io/x/y:1.2"),
      command("docker run --rm -i -v /a:/b -e TOKEN -e MORE ghcr.io/x/y@sha256:0af"),
    ],
    ["of deno", command("deno run -A npm:pkg@1"), command("deno run -A npm:pkg@2")],
    ["with other arguments", command("npx files /a"), command("npx files /a /b --verbose")],
    ["with other variables", { command: "files" }, { command: "files", env: { KEY: "k" } }],
    [
      "with another key in its URL",
      { url: "https://a.example/mcp?key=1" },
      { url: "https://a.example/mcp?key=2", headers: { a: "b" } },
    ],
  ];
  for (const [what, before, after] of same) {
    test(what, async () => expect(await identityOf(after)).toBe(await identityOf(before)));
  }
});

describe("a server is another program", () => {
  const other: readonly (readonly [string, object, object])[] = [
    ["of another package", command("npx -y files@1"), command("npx -y fetch@1")],
    ["of another scope", command("npx @a/files"), command("npx @b/files")],
    ["of another image", command("docker run -i -e A x/y:1"), command("docker run -i -e A x/z:1")],
    ["of another file", command("node /a/one.js"), command("node /a/two.js")],
    [
      "of another file, beside options",
      command("deno run -A -c deno.json --import-map x.json one.ts"),
      command("deno run -A -c deno.json --import-map x.json two.ts"),
    ],
    ["of another module", command("python3 -X dev -m one"), command("python3 -X dev -m two")],
    ["of another path", { command: "/a/files" }, { command: "/b/files" }],
    [
      "behind another URL of a bridge",
      command("npx mcp-remote https://a.example/mcp"),
      command("npx mcp-remote https://b.example/mcp"),
    ],
    ["at another URL", { url: "https://a.example/mcp" }, { url: "https://a.example/mcp2" }],
    ["of another kind", { command: "https" }, { url: "https://a.example/" }],
  ];
  for (const [what, before, after] of other) {
    test(what, async () => expect(await identityOf(after)).not.toBe(await identityOf(before)));
  }
});

test("a recipe is a part of the configuration, which nothing else changes", async () => {
  expect(await identityOf({ recipe: "coingecko" })).toBe(undefined);
});
