/** The small chart of a server's latencies as an SVG. Not here: its shape (sparkline.js). */
import { duration } from "./format.js";
import { sparkline } from "./sparkline.js";
import { html, nothing, svg } from "./vendor/lit-html.js";

/**
 * @param {readonly (number | null)[] | undefined} values medians of each minute, oldest first
 * @param {{ readonly width: number, readonly height: number }} size in pixels
 */
export function latencyChart(values, { width, height }) {
  if (values === undefined || values.length === 0) return nothing;
  const { path, dots, last, latest, highest } = sparkline(values, width, height);
  if (latest === undefined) return nothing;
  const words = `Median time of each of the last ${values.length} minutes: ` +
    `latest ${duration(latest)}, highest ${duration(highest)}`;
  return html`
    <svg class="spark" role="img" aria-label=${words}
      viewBox="0 0 ${width} ${height}" width=${width} height=${height}>${svg`
        <title>${words}</title>
        <path d=${path} />
        ${dots.map(([x, y]) => svg`<circle cx=${x} cy=${y} r="1.3" />`)}
        ${last === undefined
          ? nothing
          : svg`<circle class="latest" cx=${last[0]} cy=${last[1]} r="2" />`}
      `}</svg>
  `;
}
