/**
 * A reporter of Node's test runner that writes JUnit XML as Bun does: each test with its groups as
 * class name. Node's own leaves the groups out of a test's name, and counts a group whose hook failed
 * as no test.
 */

/** What the reporter reads of an event. */
interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly nesting?: number;
    readonly skip?: string | boolean;
    readonly details?: {
      readonly type?: string;
      readonly error?: Error & { readonly failureType?: string };
    };
  };
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\n": "&#10;",
  "\r": "&#13;",
  "\t": "&#9;",
};

const escape = (text: string) => text.replace(/[&<>"\n\r\t]/g, (char) => escapes[char] ?? char);

function describeError(error: Error | undefined): string {
  const cause = error?.cause ?? error;
  return cause instanceof Error ? cause.stack ?? cause.message : String(cause);
}

/** One line of XML for a test; undefined for a group, unless one of its hooks failed. */
function toTestcase({ type, data }: TestEvent, groups: readonly string[]): string | undefined {
  const { error, type: kind } = data.details ?? {};
  const failed = type === "test:fail";
  const isGroup = kind === "suite";
  if (isGroup && (!failed || error?.failureType === "subtestsFailed")) return undefined;
  const { name = "" } = data;
  const path = isGroup ? [...groups, name, "its hooks"] : [...groups, name];
  const [last = "", ...above] = path.map(escape).reverse();
  const head = `<testcase name="${last}" classname="${above.reverse().join(" &gt; ")}"`;
  if (failed) return `${head}><failure>${escape(describeError(error))}</failure></testcase>`;
  return data.skip === undefined || data.skip === false
    ? `${head} />`
    : `${head}><skipped /></testcase>`;
}

async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  // The names of the tests that have begun, by how deep they are.
  const begun: string[] = [];
  yield "<testsuites>\n";
  for await (const event of source) {
    const { nesting = 0, name = "" } = event.data;
    if (event.type === "test:start") begun.splice(nesting, begun.length, name);
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const line = toTestcase(event, begun.slice(0, nesting));
    if (line !== undefined) yield `${line}\n`;
  }
  yield "</testsuites>\n";
}

export { report as default };
