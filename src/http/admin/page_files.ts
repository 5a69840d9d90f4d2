/**
 * The static files of the operator's page: a closed list, so that no path of a request reaches the
 * file system. They hold no data, and are served without a token, because the navigation of a browser
 * carries none. Also here: what the page may do in the browser (Content Security Policy). Not here:
 * how a page gets its token (page_logins.ts).
 */
import type { Runtime } from "../../runtime/runtime.ts";
import { hasTag } from "../entity_tag.ts";
import type { HeaderPairs } from "../respond.ts";
import { AdminError } from "./admin_errors.ts";
import type { AdminRow } from "./admin_request.ts";
import { appDocument, pageDocument, pageFiles } from "./page_names.ts";

/** Reads a file of the list as text; undefined if it is missing. */
export type ReadPage = (file: string) => Promise<string | undefined>;

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** What the page uses of the browser: its own files and this gateway, and nothing else. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types lit-html",
].join("; ");

/**
 * An app's own HTML runs in this document: at an opaque origin, without network and without a token.
 * Where it may navigate to is bounded by `frame-src` of the page. No source list governs WebRTC, and
 * Chromium 156 does not know the directive for it yet: docs/security.md says what that leaves.
 */
const appPolicy = [
  "sandbox allow-scripts",
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src data: blob:",
  "font-src data:",
  "media-src data: blob:",
  "webrtc 'block'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");

/** Features of the browser that neither the page nor an app gets. */
const deniedFeatures = [
  "camera",
  "display-capture",
  "geolocation",
  "hid",
  "microphone",
  "midi",
  "payment",
  "serial",
  "usb",
].map((feature) => `${feature}=()`).join(", ");

const fileHeaders: HeaderPairs = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": deniedFeatures,
  "x-dns-prefetch-control": "off",
  // A new version of the gateway brings new files.
  "cache-control": "no-cache",
};

/** A file in memory. */
interface LoadedFile {
  readonly text: string;
  readonly headers: HeaderPairs;
}

/** What the rows work with. */
export interface PageFileParts extends Pick<Runtime, "sha256"> {
  readonly readPage: ReadPage;
}

/** Makes the rows. A file is read when it is first asked for. */
export function pageFileRows({ readPage, sha256 }: PageFileParts): readonly AdminRow[] {
  const loaded = new Map<string, LoadedFile>();
  const load = async (file: string): Promise<LoadedFile> => {
    const text = await readPage(file);
    if (text === undefined) {
      throw new AdminError(
        "path_unknown",
        `This program has no file "${file}" of the operator's page`,
      );
    }
    const one = { text, headers: headersOf(file, sha256(text)) };
    loaded.set(file, one);
    return one;
  };
  const rowAt = (path: string, file: string): AdminRow => ({
    method: "GET",
    path,
    right: "none",
    answerOpenly: async ({ request }) => {
      const { text, headers } = loaded.get(file) ?? await load(file);
      return hasTag(request, headers["etag"] ?? "")
        ? new Response(null, { status: 304, headers })
        : new Response(text, { headers });
    },
  });
  return [
    rowAt("/admin", pageDocument),
    ...pageFiles.map((file) => rowAt(`/admin/page/${file}`, file)),
  ];
}

function headersOf(file: string, digest: string): HeaderPairs {
  return {
    ...fileHeaders,
    "content-type": types[file.slice(file.lastIndexOf(".") + 1)] ?? "text/plain; charset=utf-8",
    "content-security-policy": file === appDocument ? appPolicy : pagePolicy,
    etag: `"${digest}"`,
  };
}
