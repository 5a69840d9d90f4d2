/**
 * Tables that become cards where they are narrow. The roles are written out, because a browser
 * forgets those of a table that is laid out as something else.
 */
import { html, nothing } from "./vendor/lit-html.js";

/**
 * A column: its title, and the classes of its head.
 * @typedef {readonly [title: string, className: string]} Column
 */

/**
 * @param {readonly Column[]} columns
 * @param {unknown} rows
 * @param {string} className
 */
export const table = (columns, rows, className) =>
  html`
    <table class="rows cards ${className}" role="table">
      <thead role="rowgroup">
        <tr role="row">${columns.map(columnHead)}</tr>
      </thead>
      <tbody role="rowgroup">${rows}</tbody>
    </table>
  `;

/** @param {Column} column */
const columnHead = ([title, className]) =>
  html`<th role="columnheader" scope="col" class=${className}>${title}</th>`;

/** @param {unknown} cells */
export const row = (cells) => html`<tr role="row">${cells}</tr>`;

/**
 * The cell that names its row.
 * @param {string} className
 * @param {unknown} content
 */
export const rowHead = (className, content) =>
  html`<th role="rowheader" scope="row" class=${className}>${content}</th>`;

/**
 * A cell; its label is shown where there are no heads of columns and the content needs one.
 * @param {string} className
 * @param {unknown} content
 * @param {string} [label]
 */
export const cell = (className, content, label) =>
  html`<td role="cell" class=${className} data-label=${label ?? nothing}>${content}</td>`;

/**
 * A line and a smaller one below it.
 * @param {unknown} first
 * @param {unknown} second
 */
export const twoLines = (first, second) => html`${first}<span class="sub">${second}</span>`;
