/** The instances of a gateway in the output of `status`: each with what it owns and runs. */
import type { GatewayView } from "./admin_forms.ts";
import { type Cell, toTable, toWords } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { toAgo } from "./times.ts";

const columns = [
  { title: "INSTANCE", isCut: true },
  { title: "URL" },
  { title: "STARTED" },
  { title: "OWNS", isRight: true },
  { title: "CALLS", isRight: true },
  { title: "STATE" },
];

const nameCharsMax = 64;

/** No lines if the gateway is one instance alone. */
export function toInstanceLines(
  { instances, instancesProblem }: GatewayView,
  terminal: Terminal,
): string[] {
  if (instancesProblem !== undefined) return ["", terminal.style("bad", instancesProblem)];
  if (instances === undefined) return [];
  const rows = instances.map((one): Cell[] => [
    toWords(one.name, nameCharsMax),
    toWords(one.url, nameCharsMax),
    toAgo(one.startedAt, Date.now()),
    String(one.owned),
    String(one.calls),
    `${one.isDraining ? "leaves" : "serves"}${one.isThis ? ", this one" : ""}`,
  ]);
  return [
    "",
    ...toTable(columns, rows, terminal),
    "A server with isolation shared has a process of its own at each instance.",
  ];
}
