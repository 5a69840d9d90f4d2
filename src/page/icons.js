/** The signs of the navigation: own shapes of a few lines, drawn in the colour of the text. */
import { html, nothing, svg } from "./vendor/lit-html.js";

/** On a grid of 16 × 16. @type {Readonly<Record<string, string>>} */
const shapes = {
  brand: "M2 3.5h3.5v9H2M14 3.5h-3.5v9H14M5.5 8h5",
  servers: "M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01",
  calls: "M2.5 5.5h10M10 3l2.5 2.5L10 8M13.5 10.5h-10M6 8l-2.5 2.5L6 13",
  log: "M3 3.5h10M3 6.5h7M3 9.5h10M3 12.5h5",
  sessions: "M6 2.5v3M10 2.5v3M4.5 5.5h7v3a3.5 3.5 0 0 1-7 0zM8 12v2",
  changes: "M8 2.5v6M5 5.5h6M5 12.5h6",
  profiles: "M2.5 4.5h5M11 4.5h2.5M9.3 2.8v3.4M2.5 11.5h2.5M8.5 11.5h5M6.7 9.8v3.4",
  instances: "M2.5 2.5h4.5v4.5H2.5zM9 9h4.5v4.5H9zM9.5 4.8h2v2.2M6.5 11.2h-2V9",
  connect:
    "M6.5 9.5l3-3M7.5 4.5l1.5-1.5a2.8 2.8 0 0 1 4 4l-1.5 1.5M8.5 11.5l-1.5 1.5a2.8 2.8 0 0 1-4-4l1.5-1.5",
  about: "M8 2.5a5.5 5.5 0 1 0 .01 0M8 7.5v3.5M8 5h.01",
};

/** @param {string} name */
export function icon(name) {
  const path = shapes[name];
  if (path === undefined) return nothing;
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">${svg`<path d=${path} />`}</svg>`;
}
