/**
 * MCP Apps of published servers behind one URL, driven as a host drives them: list the tools, call
 * one for the model, read the page that it names, forward the page's calls by the server's own names,
 * and poll.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type AppHost, hostKinds, pageType } from "../support/app_host.ts";
import { appServer, writePdf } from "../support/app_servers.ts";
import { type SpawnedGateway, spawnGateway } from "../support/spawn_gateway.ts";
import { until, within } from "../support/wait.ts";

/** A server that is not there yet is installed by the first test that needs it. */
const installMs = 240_000;
const testMs = 60_000;

/** They are no dependencies: `bun test` alone installs nothing, the test command does. */
const hasPrograms = process.env["MCP_TEST_PROGRAMS"] === "true";
const testApp = test.skipIf(!hasPrograms);
const readyTools = ["pdf__display_pdf", "monitor__get-system-info", "clock__get-time"];

let directory: string;
/** One server of each kind. */
let varied: SpawnedGateway;
/** The same server twice, each with a file of its own. */
let twins: SpawnedGateway;
const files: Record<string, { readonly url: string; readonly bytes: Uint8Array }> = {};

beforeAll(async () => {
  if (!hasPrograms) return;
  directory = realpathSync(mkdtempSync(join(tmpdir(), "mcp-wrapper-apps-")));
  const pdf = (name: string) => {
    const path = join(directory, `${name}.pdf`);
    files[name] = { url: pathToFileURL(path).href, bytes: writePdf(path, `paper of ${name}`) };
    return appServer("pdf", [path]);
  };
  varied = await spawnGateway({
    servers: {
      pdf: pdf("one"),
      monitor: appServer("monitor"),
      budget: appServer("budget"),
      clock: appServer("clock"),
    },
  });
  twins = await spawnGateway({ servers: { left: pdf("left"), right: pdf("right") } });
}, installMs);

afterAll(async () => {
  await varied?.dispose();
  await twins?.dispose();
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
}, testMs);

/** Waits for servers that start slowly: a list does not wait for ever. */
async function untilListed(host: AppHost, names: readonly string[]): Promise<void> {
  await until("the tools of every server", async () => {
    const listed = (await host.tools()).map(({ name }) => name);
    return names.every((name) => listed.includes(name));
  });
}

/** The bytes of a file as a page of the PDF server reads them. */
async function readPdf(host: AppHost, name: string): Promise<Uint8Array | string> {
  const { structuredContent, content } = await host.call("read_pdf_bytes", {
    url: files[name]?.url,
    offset: 0,
  });
  const text = structuredContent?.["bytes"];
  if (typeof text !== "string") return JSON.stringify(content);
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

for (const kind of hostKinds) {
  describe(kind.name, () => {
    let host: AppHost;
    beforeAll(async () => {
      if (!hasPrograms) return;
      host = await kind.open(varied.url);
      await untilListed(host, readyTools);
    }, testMs);
    afterAll(() => host?.close(), testMs);

    testApp("sees the pages of all servers by the servers' own URIs", async () => {
      const listed = (await host.resources()).map(({ uri, mimeType }) => [uri, mimeType]);
      const names = ["pdf-viewer", "system-monitor", "budget-allocator", "get-time"];
      expect(listed.sort()).toEqual(
        names.map((name) => [`ui://${name}/mcp-app.html`, pageType]).sort(),
      );
    }, testMs);

    testApp("gets the tools' metadata as the servers wrote it", async () => {
      const metas = Object.fromEntries((await host.tools()).map((tool) => [tool.name, tool._meta]));
      const uri = "ui://pdf-viewer/mcp-app.html";
      expect(metas["pdf__display_pdf"]).toEqual({
        ui: { resourceUri: uri },
        "ui/resourceUri": uri,
      });
      expect(metas["pdf__read_pdf_bytes"]).toEqual({ ui: { visibility: ["app"] } });
      expect(metas["pdf__list_pdfs"]).toBeUndefined();
      expect(metas["monitor__poll-system-stats"]).toEqual({ ui: { visibility: ["app"] } });
      // A host shows its model these names: none of them is there a second time.
      expect(Object.keys(metas).filter((name) => !name.includes("__"))).toEqual([]);
    }, testMs);

    testApp("reads a page with its permissions and its content security policy", async () => {
      const { content } = await host.openPage("pdf__display_pdf");
      expect(content["mimeType"]).toBe(pageType);
      expect(content["_meta"]).toEqual({
        ui: {
          permissions: { clipboardWrite: {} },
          csp: { connectDomains: ["https://unpkg.com"], resourceDomains: ["https://unpkg.com"] },
        },
      });
    }, testMs);

    testApp("shows a page that polls its server", async () => {
      const shown = await host.call("monitor__get-system-info");
      expect(shown.structuredContent).toHaveProperty("hostname");
      const page = await host.openPage("monitor__get-system-info");
      expect(page.calls).toEqual(["poll-system-stats"]);
      for (let count = 0; count < 3; count += 1) {
        const { structuredContent } = await host.call(page.calls[0] ?? "");
        expect(structuredContent).toHaveProperty("cpu");
      }
    }, testMs);

    testApp("shows a page whose button calls the tool that opened it", async () => {
      expect((await host.call("clock__get-time")).structuredContent).toHaveProperty("time");
      const page = await host.openPage("clock__get-time");
      expect(page.calls).toEqual(["get-time"]);
      expect((await host.call("get-time")).structuredContent).toHaveProperty("time");
    }, testMs);

    testApp("shows a page that calls no tool", async () => {
      const page = await host.openPage("budget__get-budget-data");
      expect([page.content["mimeType"], page.calls]).toEqual([pageType, []]);
      const shown = await host.call("budget__get-budget-data");
      expect(shown.structuredContent).toHaveProperty("config");
    }, testMs);

    testApp("shows a file that the page reads piece by piece", async () => {
      const shown = await host.call("pdf__display_pdf", { url: files["one"]?.url });
      expect(shown.structuredContent?.["totalBytes"]).toBe(files["one"]?.bytes.length);
      const page = await host.openPage("pdf__display_pdf");
      expect(page.calls).toContain("read_pdf_bytes");
      expect(await readPdf(host, "one")).toEqual(files["one"]?.bytes as Uint8Array);
    }, testMs);

    testApp("a page that waits for commands gets those of the model", async () => {
      const shown = await host.call("pdf__display_pdf", { url: files["one"]?.url });
      const viewUUID = shown.structuredContent?.["viewUUID"];
      const page = await host.openPage("pdf__display_pdf");
      expect(page.calls).toContain("poll_pdf_commands");
      const polled = host.call("poll_pdf_commands", { viewUUID });
      polled.catch(() => {});
      const command = { action: "navigate", page: 1 };
      const told = await host.call("pdf__interact", { viewUUID, ...command });
      expect(JSON.stringify(told.content)).toContain("Queued");
      const { structuredContent } = await within("the poll's answer", polled, testMs / 2);
      expect(structuredContent).toEqual({ commands: [{ type: "navigate", page: 1 }] });
    }, testMs);
  });

  describe(`${kind.name} with one server twice`, () => {
    const open = async () => {
      const host = await kind.open(twins.url);
      await untilListed(host, ["left__display_pdf", "right__display_pdf"]);
      return host;
    };

    testApp("reads for each tool the page of its own server", async () => {
      const host = await open();
      const left = await host.openPage("left__display_pdf");
      const right = await host.openPage("right__display_pdf");
      expect([left.uri, right.uri].map((uri) => new URL(uri).protocol)).toEqual(["ui:", "ui:"]);
      expect(left.uri).not.toBe(right.uri);
      expect(left.content).toMatchObject({ uri: left.uri, mimeType: pageType });
      expect(right.content).toMatchObject({ uri: right.uri, mimeType: pageType });
      const listed = (await host.resources()).map(({ uri, mimeType }) => [uri, mimeType]);
      expect(listed).toEqual([[left.uri, pageType], [right.uri, pageType]]);
      for (const { name, _meta } of await host.tools()) {
        if (_meta?.ui?.resourceUri === undefined) continue;
        expect([name, _meta["ui/resourceUri"]]).toEqual([name, _meta.ui.resourceUri]);
      }
      await host.close();
    }, testMs);

    test.skipIf(!hasPrograms || !kind.hasSession)(
      "the page that it read last is the one that calls",
      async () => {
        const host = await open();
        for (const side of ["right", "left", "right"]) {
          await host.openPage(`${side}__display_pdf`);
          expect(await readPdf(host, side)).toEqual(files[side]?.bytes as Uint8Array);
        }
        await host.close();
      },
      testMs,
    );

    test.skipIf(!hasPrograms || !kind.hasSession)(
      "two hosts do not choose for each other",
      async () => {
        const hosts = { left: await open(), right: await open() };
        for (const [side, host] of Object.entries(hosts)) {
          await host.openPage(`${side}__display_pdf`);
        }
        for (const [side, host] of Object.entries(hosts)) {
          expect(await readPdf(host, side)).toEqual(files[side]?.bytes as Uint8Array);
        }
        for (const host of Object.values(hosts)) await host.close();
      },
      testMs,
    );

    testApp(
      "a page's call that could be of either names both tools, and reaches neither",
      async () => {
        const host = await open();
        // Stateless clients that are not authenticated cannot be told apart, whatever they have read.
        if (!kind.hasSession) await host.openPage("right__display_pdf");
        const refused = await readPdf(host, "right").catch((fault: Error) => fault.message);
        expect(refused).toContain("left__read_pdf_bytes");
        expect(refused).toContain("right__read_pdf_bytes");
        await host.close();
      },
      testMs,
    );
  });
}
