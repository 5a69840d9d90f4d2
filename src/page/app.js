/**
 * The program of the operator's page: signs in by the code in the address, keeps the data, finds the
 * view that the address names, and renders it. Not here: what a view shows (views/), and the frame
 * around it (shell.js).
 */
import { ApiError, createApi } from "./api.js";
import { bounds } from "./bounds.js";
import { startLive } from "./live.js";
import { codeOf, linkTo, routeOf } from "./router.js";
import { shell, signedOut } from "./shell.js";
import { emptyData } from "./state.js";
import { render } from "./vendor/lit-html.js";
import { visible } from "./visible.js";
import { viewOf, views } from "./views.js";

/** @import { Live } from "./live.js" */
/** @import { Dialog, Page, View } from "./page.js" */
/** @import { Route } from "./router.js" */

/**
 * Everything that changes while the page is open.
 * @typedef {object} App
 * @property {Live | undefined} live
 * @property {{ readonly key: string, readonly view: View } | undefined} shown
 * @property {Route} route
 * @property {{ readonly id: number, readonly dialog: Dialog }[]} dialogs
 * @property {{ readonly id: number, readonly text: string, readonly isProblem: boolean }[]} notes
 * @property {string} reason why the person is signed out; "" at first
 * @property {number} now
 */

/** @type {App} */
const app = {
  live: undefined,
  shown: undefined,
  route: { parts: [], params: {} },
  dialogs: [],
  notes: [],
  reason: "",
  now: Date.now(),
};
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const api = createApi(() => signOut("The gateway no longer accepts this page's token."));
let lastId = 0;
/** The renderings that are due: at the next frame, and after a pause. */
const due = { frame: false, timer: false };
let drawnAt = 0;

/** Renders what a person did in the next frame; news are gathered for a while. */
function draw(isUrgent = true) {
  if (isUrgent) return drawAtFrame();
  if (due.timer || due.frame) return;
  due.timer = true;
  setTimeout(drawAtFrame, Math.max(0, bounds.renderMs - (Date.now() - drawnAt)));
}

function drawAtFrame() {
  if (!due.frame) requestAnimationFrame(drawNow);
  due.frame = true;
}

function drawNow() {
  Object.assign(due, { frame: false, timer: false });
  drawnAt = Date.now();
  const { live, shown } = app;
  render(
    live === undefined || shown === undefined
      ? signedOut(app.reason)
      : shell({ app, data: live.data, view: shown.view, views, dismiss, closeDialog, leave }),
    root,
  );
  for (const dialog of root.querySelectorAll("dialog:not([open])")) {
    /** @type {HTMLDialogElement} */ (dialog).showModal();
  }
  shown?.view.drawn?.();
}

/** @type {Page} */
const page = {
  api,
  data: () => app.live?.data ?? emptyData(),
  now: () => app.now,
  redraw: () => draw(),
  load: async (topic) => await app.live?.load(topic),
  note: (text) => tell(text, false),
  fail: (problem) => {
    if (problem instanceof ApiError && problem.status === 401) return;
    tell(problem instanceof Error ? problem.message : String(problem), true);
  },
  open(dialog) {
    const id = lastId += 1;
    app.dialogs = [...app.dialogs, { id, dialog }];
    draw();
    return () => closeDialog(id);
  },
  go: (parts, params) => void (location.hash = linkTo(parts, params)),
};

/** @param {number} id */
function closeDialog(id) {
  const element = document.getElementById(`dialog-${id}`);
  // Closed before it leaves the document, so that the focus goes back to where it was.
  if (element instanceof HTMLDialogElement && element.open) return element.close();
  const found = app.dialogs.find((one) => one.id === id);
  app.dialogs = app.dialogs.filter((one) => one.id !== id);
  found?.dialog.onClose?.();
  draw();
}

/**
 * @param {string} text
 * @param {boolean} isProblem
 */
function tell(text, isProblem) {
  const id = lastId += 1;
  app.notes = [...app.notes.slice(-2), { id, text: visible(text), isProblem }];
  draw();
  // A problem stays until it is closed: it says what to do.
  if (!isProblem) setTimeout(() => dismiss(id), bounds.noteMs);
}

/** @param {number} id */
function dismiss(id) {
  app.notes = app.notes.filter((note) => note.id !== id);
  draw();
}

/** Shows the view that the address names. */
function navigate() {
  const route = routeOf(location.hash);
  if (route === undefined && app.shown !== undefined) return;
  const found = viewOf(route ?? { parts: [], params: {} });
  app.route = found.route;
  if (app.live === undefined) return draw();
  const isOther = app.shown?.key !== found.key;
  if (isOther) {
    app.shown?.view.close?.();
    app.shown = { key: found.key, view: found.open(page, found.route) };
  } else app.shown?.view.follow?.(found.route);
  document.title = `${visible(app.shown?.view.title() ?? "")} · mcp-wrapper`;
  draw();
  if (isOther) requestAnimationFrame(() => arrive(route !== undefined));
}

/**
 * The navigation shows where the person is; and a screen reader says it, unless the page has only
 * just been opened.
 * @param {boolean} isMoved
 */
function arrive(isMoved) {
  root.querySelector("nav a[aria-current]")?.scrollIntoView({
    block: "nearest",
    inline: "nearest",
  });
  const heading = root.querySelector("h1");
  if (isMoved && heading instanceof HTMLElement && app.dialogs.length === 0) heading.focus();
}

function signIn() {
  app.reason = "";
  app.live?.stop();
  app.live = startLive(api, emptyData(), draw, page.fail);
  navigate();
}

/** @param {string} reason */
function signOut(reason) {
  api.forget();
  app.live?.stop();
  app.shown?.view.close?.();
  Object.assign(app, { live: undefined, shown: undefined, dialogs: [], notes: [], reason });
  document.title = "mcp-wrapper";
  draw();
}

/** Ends the token at the gateway, too; without an answer it ends by itself. */
async function leave() {
  await api.call("DELETE", "/admin/page/token").catch(() => {});
  signOut("");
}

/**
 * Exchanges the code of a one-time link, which leaves the address and the history first. A link that
 * does not work changes nothing for a person who is signed in.
 */
async function start() {
  const code = codeOf(location.hash);
  if (code !== undefined) {
    history.replaceState(null, "", location.pathname);
    try {
      await api.signIn(code);
    } catch (problem) {
      if (!api.hasToken()) {
        return signOut(problem instanceof Error ? problem.message : String(problem));
      }
      page.fail(problem instanceof ApiError ? problem.message : problem);
    }
  }
  if (api.hasToken()) signIn();
  else signOut("");
}

addEventListener("hashchange", () => {
  if (codeOf(location.hash) === undefined) navigate();
  else void start();
});
setInterval(() => {
  app.now = Date.now();
  if (app.live !== undefined && !document.hidden) draw(false);
}, bounds.ageMs);
void start();
