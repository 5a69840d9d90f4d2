/** The types of lit-html.js: those of the package that it is made from. */
export { html, noChange, nothing, render, svg } from "lit-html";
export type { SVGTemplateResult, TemplateResult } from "lit-html";
export { live } from "lit-html/directives/live.js";
export { repeat } from "lit-html/directives/repeat.js";
