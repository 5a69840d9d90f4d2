/**
 * Tools that are new, changed or gone since they were first seen, with the difference, and the
 * approval by which they count as known.
 */
import { bounds } from "../bounds.js";
import { comparable, difference } from "../difference.js";
import { count } from "../format.js";
import { ago, attempt, emptyState, hint, loading, marked, said } from "../page.js";
import { linkTo } from "../router.js";
import { html, nothing, repeat } from "../vendor/lit-html.js";

/** @import { DifferenceLine } from "../difference.js" */
/** @import { Page, View } from "../page.js" */
/** @import { ToolChange } from "../state.js" */

/** @type {Readonly<Record<string, readonly [tone: string, word: string]>>} */
const kinds = { new: ["ok", "new"], changed: ["warn", "changed"], removed: ["off", "removed"] };

/**
 * @param {Page} page
 * @returns {View}
 */
export function openChanges(page) {
  /** Servers whose approval is under way. @type {Set<string>} */
  const busy = new Set();
  /** Changes of which every line is shown, by their ids. @type {Set<string>} */
  const whole = new Set();
  return {
    title: () => "Changed tools",
    show() {
      const { changes } = page.data();
      return html`
        <div class="head">
          <div>
            <h1 tabindex="-1">Changed tools</h1>
            <p class="summary">${changes === undefined || changes === null
              ? nothing
              : changes.length === 0
              ? "Every tool is as it was approved"
              : `${count(changes.length, "tool")} to look at`}</p>
          </div>
        </div>
        ${changes === undefined || changes === null ? loading() : changes.length === 0
          ? emptyState(
            "Nothing has changed",
            html`The gateway remembers each tool's name, description and schemas. When a server
              changes one, the difference appears here. With <code>"pin": "quarantine"</code> no client
              gets a changed tool before it is approved.`,
          )
          : groups(page, changes, { busy, whole })}
      `;
    },
  };
}

/**
 * @param {Page} page
 * @param {readonly ToolChange[]} changes
 * @param {{ readonly busy: Set<string>, readonly whole: Set<string> }} state
 */
function groups(page, changes, { busy, whole }) {
  const byServer = [...Map.groupBy(changes.slice(0, bounds.rowsMax), ({ server }) => server)];
  return repeat(byServer, ([server]) => server, ([server, own]) => {
    const approve = (/** @type {readonly ToolChange[]} */ which) => run(page, server, which, busy);
    const label = `Approve all ${own.length} of ${hint(server)}`;
    return html`<section class="panel" aria-label="Changed tools of ${hint(server)}">
      <div class="head"><h2><a href=${linkTo(["servers", server])}>${said(server)}</a></h2>
        <button type="button" ?disabled=${busy.has(server)} aria-label=${label}
          @click=${() => approve(own)}>Approve all ${own.length}</button></div>
      ${
      repeat(own, ({ id }) =>
        id, (change) =>
        html`<article class="change" aria-label=${hint(change.tool)}>
          <div class="head"><div><h3 class="mono">${said(change.tool)}</h3>
            <p class="summary">${kindBadge(change)} <span>${ago(page, change.seenAt)}</span>
              ${
          change.isWithheld ? html`<span class="chip">withheld from clients</span>` : nothing
        }</p></div>
            <button type="button" class="small" ?disabled=${busy.has(server)}
              aria-label="Approve ${hint(change.tool)}"
              @click=${() =>
          approve([change])}>Approve</button></div>
          ${
          change.isCut === true
            ? html`<p class="problem">Its definition is too long to be shown whole: read it at the
                server before you approve it.</p>`
            : nothing
        }
          ${differences(page, change, whole)}</article>`)
    }
    </section>`;
  });
}

/** @param {ToolChange} change */
function kindBadge({ kind }) {
  const [tone, word] = kinds[kind] ?? ["idle", kind];
  return html`<span class="state ${tone}">${word}</span>`;
}

/**
 * Approves what was looked at: exactly these changes, and none that came since.
 * @param {Page} page
 * @param {string} server
 * @param {readonly ToolChange[]} which
 * @param {Set<string>} busy
 */
async function run(page, server, which, busy) {
  busy.add(server);
  page.redraw();
  await attempt(page, async () => {
    const path = `/admin/servers/${encodeURIComponent(server)}/tools/approve`;
    const { approved } = await page.api.call("POST", path, { ids: which.map(({ id }) => id) });
    await page.load("changes");
    return `Approved ${count(approved.length, "tool")} of ${server}`;
  });
  busy.delete(server);
  page.redraw();
}

/**
 * @param {Page} page
 * @param {ToolChange} change
 * @param {Set<string>} whole
 */
function differences(page, { id, before = {}, after = {} }, whole) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) =>
    comparable(before[key]) !== comparable(after[key])
  );
  const shown = keys.map((key) => ({
    key,
    lines: difference(comparable(before[key]), comparable(after[key])),
  }));
  const linesMax = whole.has(id) ? Infinity : bounds.changeLinesMax;
  const unfold = () => {
    whole.add(id);
    page.redraw();
  };
  return html`${
    shown.map(({ key, lines }) =>
      html`
        <h4 class="mono">${said(key, 60)}</h4>
        <div class="difference" tabindex="0" role="group"
          aria-label="Difference of ${hint(key)}">${lines.slice(0, linesMax).map(lineView)}</div>
      `
    )
  }
    ${
    shown.some(({ lines }) => lines.length > linesMax)
      ? html`<button type="button" class="quiet" @click=${unfold}>Show the rest</button>`
      : nothing
  }`;
}

/**
 * A line whole: the gateway keeps no more of a definition than can be shown.
 * @param {DifferenceLine} line
 */
function lineView(line) {
  if (line.kind === "hidden") {
    return html`<p class="hidden-lines">${count(line.count, "unchanged line")}</p>`;
  }
  return html`
    <p
      class=${line
        .kind}><span class="sign" aria-hidden="true">${signs[
          line.kind
        ]}</span><span class="unshown">${spoken[line.kind]}</span>${marked(line.text)}</p>
  `;
}

const signs = { same: " ", removed: "−", added: "+" };
const spoken = { same: "", removed: "removed: ", added: "added: " };
