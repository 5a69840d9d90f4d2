/**
 * The names of the static files of the operator's page, which are all that is served of `src/page`.
 * Data alone: `packaging` reads it to put the same files into the package and into the binaries.
 */

/** The document at `/admin`. */
export const pageDocument = "index.html";

/** The document for MCP Apps, which the page loads into a frame. */
export const appDocument = "app_frame.html";

/** All files, by their path in `src/page` and below `/admin/page/`. */
export const pageFiles: readonly string[] = [
  pageDocument,
  appDocument,
  "app.js",
  "page.css",
];
