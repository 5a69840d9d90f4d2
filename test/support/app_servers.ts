/**
 * Published servers with MCP Apps (pages that a host shows, and that call their server's tools), as
 * a configuration has them, and a PDF for the one that shows PDFs. They are no dependencies: the
 * test command keeps them where it keeps the client programs, in exact versions.
 */
import { writeFileSync } from "node:fs";
import { provide, provideNode } from "./outside.ts";
import type { ServerEntry } from "./real_servers.ts";

const programs = {
  pdf: ["@modelcontextprotocol/server-pdf@2.0.4", "mcp-pdf-server"],
  monitor: ["@modelcontextprotocol/server-system-monitor@2.0.3", "mcp-system-monitor-server"],
  budget: ["@modelcontextprotocol/server-budget-allocator@2.0.3", "mcp-budget-allocator-server"],
  clock: ["@modelcontextprotocol/server-basic-vanillajs@2.0.3", "mcp-server-basic-vanillajs"],
} as const;

/** One of these servers on stdio; installs it unless it is there. */
export function appServer(name: keyof typeof programs, args: readonly string[] = []): ServerEntry {
  const [packageName, program] = programs[name];
  return { command: provideNode(), args: [provide(packageName, program), "--stdio", ...args] };
}

/** Writes a PDF of one empty page with a comment in it, and returns its bytes. */
export function writePdf(path: string, comment: string): Uint8Array {
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
  ];
  let text = `%PDF-1.4\n% ${comment}\n`;
  const offsets = objects.map((object, at) => {
    const offset = text.length;
    text += `${at + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(offset).padStart(10, "0")} 00000 n \n`;
  });
  const start = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join("")}`;
  text += `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  const bytes = new TextEncoder().encode(text);
  writeFileSync(path, bytes);
  return bytes;
}
