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
  "add_server.js",
  "address_view.js",
  "api.js",
  "app.js",
  "app_answers.js",
  "app_host.js",
  "ask_dialog.js",
  "base64.js",
  "bounds.js",
  "chart.js",
  "difference.js",
  "form_values.js",
  "form_view.js",
  "format.js",
  "icon.svg",
  "icons.js",
  "item_details.js",
  "json_tree.js",
  "json_view.js",
  "live.js",
  "mcp.js",
  "mcp_headers.js",
  "new_entry.js",
  "page.css",
  "page.js",
  "result_view.js",
  "router.js",
  "schema_form.js",
  "server_actions.js",
  "server_items.js",
  "shell.js",
  "sparkline.js",
  "sse.js",
  "state.js",
  "table.js",
  "trial.js",
  "uri_template.js",
  "vendor/lit-html.js",
  "views.js",
  "views/about.js",
  "views/calls.js",
  "views/changes.js",
  "views/connect.js",
  "views/instances.js",
  "views/log.js",
  "views/profiles.js",
  "views/server.js",
  "views/servers.js",
  "views/sessions.js",
  "visible.js",
  "web_address.js",
];
