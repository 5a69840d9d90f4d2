/**
 * What a view works with: the data, the gateway's API, dialogs and notes. And the parts of templates
 * that several views use. Texts of servers reach the document by `said` alone.
 */
import { bounds } from "./bounds.js";
import { clock, fullTime, since } from "./format.js";
import { html, nothing } from "./vendor/lit-html.js";
import { cut, line, pieces } from "./visible.js";

/** @import { Api } from "./api.js" */
/** @import { Topic } from "./live.js" */
/** @import { Route } from "./router.js" */
/** @import { PageData } from "./state.js" */
/** @import { TemplateResult } from "./vendor/lit-html.js" */

/** @typedef {TemplateResult | typeof nothing | string | readonly TemplateResult[]} Shown */

/**
 * A dialog: it is closed by `close`, by Escape, or by its own buttons.
 * @typedef {object} Dialog
 * @property {string} title
 * @property {() => Shown} body
 * @property {boolean} [isWide]
 * @property {() => void} [onClose]
 */

/**
 * @typedef {object} Page
 * @property {Api} api
 * @property {() => PageData} data
 * @property {() => number} now milliseconds since 1970, at the pace at which ages are shown
 * @property {() => void} redraw
 * @property {(topic: Topic) => Promise<void>} load
 * @property {(text: string) => void} note says that something is done
 * @property {(problem: unknown) => void} fail says why something is not
 * @property {(dialog: Dialog) => () => void} open opens a dialog; the result closes it
 * @property {(route: readonly string[], params?: Readonly<Record<string, string>>) => void} go
 */

/**
 * One view while it is shown.
 * @typedef {object} View
 * @property {() => string} title
 * @property {() => Shown} show
 * @property {(route: Route) => void} [follow] the address has changed within the view
 * @property {() => void} [drawn] after each rendering
 * @property {() => void} [close]
 */

/**
 * A text of a server or a client, cut where it is longer than a line, with unseen characters
 * spelled out.
 * @param {unknown} text
 * @param {number} [charsMax]
 */
export function said(text, charsMax = bounds.lineCharsMax) {
  return html`<bdi>${marked(cut(words(text), charsMax))}</bdi>`;
}

/**
 * The same without an element around it, and uncut.
 * @param {string} text
 */
export const marked = (text) =>
  plain.test(text)
    ? text
    : pieces(text).map((piece) =>
      piece.isMark ? html`<span class="unseen">${piece.text}</span>` : piece.text
    );

/** Most texts: a list of thousands is shown without a look at each character's properties. */
const plain = /^[\x20-\x7e\n\t]*$/;

/** @param {unknown} text */
const words = (text) => typeof text === "string" ? text : text === undefined ? "" : String(text);

/**
 * A text for an attribute such as `title`.
 * @param {unknown} text
 */
export const hint = (text) => line(words(text), bounds.textCharsMax);

/** Which long texts are shown whole, by the object that they belong to. */
/** @type {WeakMap<object, Set<string>>} */
const unfolded = new WeakMap();

/**
 * A long text in paragraphs, with a button for the rest.
 * @param {Page} page
 * @param {object} owner the object that the text is a part of
 * @param {string} key which part
 * @param {string} text
 */
export function longText(page, owner, key, text) {
  const isWhole = unfolded.get(owner)?.has(key) === true;
  const charsMax = isWhole ? bounds.wholeCharsMax : bounds.textCharsMax;
  const unfold = () => {
    unfolded.set(owner, (unfolded.get(owner) ?? new Set()).add(key));
    page.redraw();
  };
  return html`<div class="text">${marked(cut(text, charsMax))}</div>
    ${
    text.length > charsMax && !isWhole
      ? html`<button type="button" class="quiet" @click=${unfold}>Show the rest</button>`
      : nothing
  }`;
}

/**
 * How long ago something was, with the time as a hint.
 * @param {Page} page
 * @param {string | number | undefined} time
 */
export const ago = (page, time) =>
  html`<time title=${fullTime(time)}>${since(time, page.now())}</time>`;

/**
 * A time of day, with the full time as a hint.
 * @param {Page} page
 * @param {string | number | undefined} time
 */
export const clockTime = (page, time) =>
  html`<time class="mono" title=${fullTime(time)}>${clock(time, page.now())}</time>`;

/** How each state of a server is shown: its tone and its word. */
/** @type {Readonly<Record<string, readonly [tone: string, word: string]>>} */
const states = {
  running: ["ok", "running"],
  idle: ["idle", "idle"],
  starting: ["busy", "starting"],
  queued: ["busy", "queued"],
  needs_login: ["warn", "needs log-in"],
  failing: ["bad", "failing"],
  crash_loop: ["bad", "crash loop"],
  failed: ["bad", "failed"],
  disabled: ["off", "disabled"],
};

/**
 * A server's state: a sign and a word, so that no one needs the colour.
 * @param {string} state
 */
export function stateBadge(state) {
  const [tone, word] = states[state] ?? ["idle", state];
  return html`<span class="state ${tone}">${word}</span>`;
}

/**
 * What to do where there is nothing to show.
 * @param {string} title
 * @param {Shown} text
 */
export const emptyState = (title, text) =>
  html`
    <div class="empty">
      <p class="empty-title">${title}</p>
      <p>${text}</p>
    </div>
  `;

/** Shown until the first answer. */
export const loading = () => html`<p class="empty" role="status">Loading…</p>`;

/**
 * A button that copies a text.
 * @param {Page} page
 * @param {string} text
 * @param {string} what for a screen reader: "Copy the URL of files"
 */
export function copyButton(page, text, what) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      page.note("Copied");
    } catch {
      page.fail("The browser did not allow copying: select the text and copy it by hand");
    }
  };
  return html`<button type="button" class="small" aria-label=${what} @click=${copy}>Copy</button>`;
}

/**
 * Asks before something that cannot be undone.
 * @param {Page} page
 * @param {{ readonly title: string, readonly text: Shown, readonly action: string }} question
 * @returns {Promise<boolean>}
 */
export function confirmed(page, { title, text, action }) {
  return new Promise((resolve) => {
    let isYes = false;
    const close = page.open({
      title,
      body: () =>
        html`
          <div>${text}</div>
          <div class="actions">
            <button type="button" @click=${() => close()}>Cancel</button>
            <button type="button" class="danger" @click=${() => {
              isYes = true;
              close();
            }}>${action}</button>
          </div>
        `,
      onClose: () => resolve(isYes),
    });
  });
}

/**
 * Does something of which only the outcome is shown.
 * @param {Page} page
 * @param {() => Promise<string>} work resolves with what was done
 */
export async function attempt(page, work) {
  try {
    page.note(await work());
    return true;
  } catch (problem) {
    page.fail(problem);
    return false;
  }
}
