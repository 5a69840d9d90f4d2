/** The bounds of the page, each with its reason. Times are in milliseconds. */

export const bounds = Object.freeze({
  /** Calls in memory and on the page: as many render within one frame of a slow telephone. */
  callsMax: 500,
  /** Log records in memory and on the page, for the same reason. */
  recordsMax: 1_000,
  /** Rows of any other list; a filter finds the rest. */
  rowsMax: 500,
  /** A name or a line in a table: longer ones are cut, and shown whole in the details. */
  lineCharsMax: 200,
  /** A text of a server, such as a description or a log record, until the person asks for more. */
  textCharsMax: 2_000,
  /** The whole of such a text: a browser lays out a few hundred thousand characters in one go. */
  wholeCharsMax: 200_000,
  /** An address that a server wants opened: all of it is shown before a person agrees. */
  addressCharsMax: 4_000,
  /** Members of one JSON object or list that are shown at once. */
  membersMax: 100,
  /** Lines of a text that are compared line by line: the table of the comparison is its square. */
  differenceLinesMax: 600,
  /** Lines of one difference, until the person asks for the rest. */
  changeLinesMax: 400,
  /** Unchanged lines that are shown around a changed one. */
  differenceContext: 3,
  /** Parts of a form inside each other; deeper ones are written as JSON. */
  formDepthMax: 6,
  /** Fields of one form; a schema with more is filled in as JSON. */
  formFieldsMax: 200,
  /** Items that a list of a form can have. */
  formItemsMax: 100,
  /** Progress and log notices that are kept of one call. */
  noticesMax: 100,
  /** Pages of one list of a server: a server that never ends its list is cut there. */
  listPagesMax: 50,
  /** Questions that a server may ask during one call, one after the other. */
  roundsMax: 20,
  /** A frame of an event stream: beyond it the stream is given up. */
  frameCharsMax: 20_000_000,
  /** Calls of an app at the same time. */
  appCallsMax: 8,
  /** Calls of an app that are listed below it. */
  appCallsShownMax: 20,
  /** The height of an app's frame in pixels, whatever the app asks for. */
  appHeightMax: 2_000,
  /** How often the other instances are asked for while they are shown: as often as they say so. */
  instancesMs: 3_000,
  /** Between two renderings because of news: faster cannot be read. */
  renderMs: 100,
  /** Ages such as "3 min" are counted on at this pace. */
  ageMs: 10_000,
  /** An event stream without a byte for so long is dead: heartbeats come every 15 s. */
  silenceMs: 45_000,
  /** The first and the longest wait before the event stream is opened again. */
  reconnectMsMin: 500,
  reconnectMsMax: 15_000,
  /** The answer to a request of the admin API; a start of a server is not waited for. */
  requestMs: 60_000,
  /** How long a note of success stays. */
  noteMs: 6_000,
  /** How long an app may take to say that it is there. */
  appStartMs: 15_000,
});
