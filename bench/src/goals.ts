import type { Report } from "./report.ts";

/** A figure that is to be reached. */
interface Goal {
  /** What is compared, and with what. */
  readonly what: string;
  /** The name of the benchmark that shows it. */
  readonly name: string;
  /** Reads it from the benchmark's table. */
  readonly read: (table: Table) => number;
  /** How large it may be. */
  readonly most: number;
}

/** The rows of a benchmark, looked up by how they begin, and by column. */
class Table {
  readonly #report: Pick<Report, "columns" | "rows">;

  constructor(report: Pick<Report, "columns" | "rows">) {
    this.#report = report;
  }

  cell(row: string, column: string): number {
    const { columns, rows } = this.#report;
    const cells = rows.find(([name = ""]) => name.startsWith(row));
    return Number.parseFloat(cells?.[columns.indexOf(column)] ?? "");
  }

  largest(column: string): number {
    const at = this.#report.columns.indexOf(column);
    return Math.max(...this.#report.rows.map((cells) => Number.parseFloat(cells[at] ?? "")));
  }
}

const RATIO = "trailsum / this";
const P99 = "added at p99";
const NODE_PEERS = ["http-proxy", "httpxy", "@fastify/http-proxy", "http2-proxy", "fast-proxy"];
const UPLOAD = "`trailsum upload --digest md5`";
const BOTH = "`trailsum upload`";

const than =
  (peer: string): Goal["read"] =>
  (table) =>
    table.cell(peer, RATIO);

const goals: readonly Goal[] = [
  { what: "small response, of Go", name: "proxy-response", read: than("Go"), most: 0.33 },
  { what: "small response, of Caddy", name: "proxy-response", read: than("Caddy"), most: 0.3 },
  {
    what: "small response, of the best proxy in Node",
    name: "proxy-response",
    read: (table) => Math.max(...NODE_PEERS.map((peer) => table.cell(peer, RATIO))),
    most: 0.35,
  },
  { what: "small response, of HAProxy", name: "proxy-response", read: than("HAProxy"), most: 1.7 },
  { what: "small request with trailers, of HAProxy", name: "proxy-request", read: than("HAProxy"), most: 1.8 },
  { what: "1 GiB down, of Go", name: "proxy-large-down", read: than("Go"), most: 1 },
  { what: "1 GiB down, of HAProxy", name: "proxy-large-down", read: than("HAProxy"), most: 1.4 },
  ...([16, 64, 256] as const).flatMap((chunks) => {
    const name = chunks === 64 ? "proxy-large-up" : `proxy-large-up-${chunks}`;
    return [
      { what: `1 GiB up in chunks of ${chunks} KiB, of Go`, name, read: than("Go"), most: 0.95 },
      { what: `1 GiB up in chunks of ${chunks} KiB, of HAProxy`, name, read: than("HAProxy"), most: 1.3 },
    ];
  }),
  {
    what: "upload over HTTP/2, of the same over HTTP/1.1",
    name: "proxy-versions-up",
    read: (table) => table.cell("HTTP/2", "times HTTP/1.1"),
    most: 1.1,
  },
  { what: "small response from HTTP/1.1 to HTTP/2, of Go", name: "proxy-http2-response", read: than("Go"), most: 0.45 },
  {
    what: "idle connection of HTTP/2, of the first 2,000, KiB",
    name: "proxy-idle-http2",
    read: (table) => table.cell("trailsum", "KiB for each of the first 2000"),
    most: 24,
  },
  {
    what: "idle connection of HTTP/2 after the first 2,000, KiB",
    name: "proxy-idle-http2",
    read: (table) => table.cell("trailsum", "KiB per further connection"),
    most: 24,
  },
  {
    what: "PutObject of 10 KiB, of a plain PUT",
    name: "serve-s3",
    read: (table) => table.cell("PutObject", "times the plain PUT"),
    most: 1.5,
  },
  {
    what: "small upload to the server, of the same handler on node:http",
    name: "serve-small",
    read: (table) => table.cell("trailsum", "times node:http"),
    most: 0.6,
  },
  {
    what: "what is added at p99, of what Go adds",
    name: "proxy-latency",
    read: (table) => table.cell("trailsum", P99) / table.cell("Go", P99),
    most: 1,
  },
  {
    what: "`upload`, of `openssl md5`",
    name: "transfer-upload",
    read: (table) => table.cell(UPLOAD, "times `openssl md5`"),
    most: 1.1,
  },
  {
    what: "`upload`, of the article's Go client",
    name: "transfer-upload",
    read: (table) => table.cell(UPLOAD, "seconds") / table.cell("the article's Go client", "seconds"),
    most: 1,
  },
  {
    what: "`upload` with md5 and sha-256, of md5 alone",
    name: "transfer-upload",
    read: (table) => table.cell(BOTH, "times md5 alone"),
    most: 1.25,
  },
  {
    what: "`serve`, seconds of a Go server's",
    name: "transfer-serve",
    read: (table) => 1 / table.cell("`trailsum serve`", "part of Go's rate"),
    most: 1.11,
  },
  {
    what: "many small files to a sink, of the Go client",
    name: "transfer-small-files",
    read: (table) => table.cell("`trailsum upload --jobs 8`, to a sink", "times the Go client"),
    most: 1,
  },
  {
    what: "many small files to `serve`, of the Go client",
    name: "transfer-small-files",
    read: (table) => table.cell("`trailsum upload --jobs 8`, to `trailsum serve`", "times the Go client"),
    most: 0.4,
  },
  {
    what: "a pipe in two steps, of the same with trailers",
    name: "transfer-two-step",
    read: (table) => table.cell("`trailsum upload --delivery two-step`", "times trailers"),
    most: 1.05,
  },
  {
    what: "`download`, of `curl -o` and `openssl sha256`",
    name: "transfer-download",
    read: (table) =>
      table.cell("`trailsum download`", "seconds") / table.cell("`curl -o`, and `openssl sha256`", "seconds"),
    most: 1.15,
  },
  {
    what: "`serve s3://`, of the AWS SDK",
    name: "transfer-s3",
    read: (table) => table.cell("`trailsum upload`", "times the AWS SDK"),
    most: 1.3,
  },
  {
    what: "memory that large content takes more, MiB",
    name: "transfer-memory",
    read: (table) => table.largest("more"),
    most: 32,
  },
  {
    what: "`trailsum --version`, of `node -e 0`",
    name: "start-up",
    read: (table) => table.cell("`trailsum --version`", "times `node -e 0`"),
    most: 1.6,
  },
  {
    what: "`trailsum --help`, of `node -e 0`",
    name: "start-up",
    read: (table) => table.cell("`trailsum --help`", "times `node -e 0`"),
    most: 2.5,
  },
  {
    what: "`trailsum upload` of five bytes, of `node -e 0`",
    name: "start-up",
    read: (table) => table.cell("`trailsum upload` of five bytes", "times `node -e 0`"),
    most: 4,
  },
];

/** What was to be reached, and was or was not: the rows of a table, of those benchmarks that have been run. */
export function goalRows(reports: readonly Pick<Report, "name" | "columns" | "rows">[]): string[][] {
  return goals.flatMap(({ what, name, read, most }) => {
    const report = reports.find((one) => one.name === name);
    const figure = report === undefined ? Number.NaN : read(new Table(report));
    if (Number.isNaN(figure)) return [];
    const digits = most >= 10 ? 0 : 2;
    const reached = Number(figure.toFixed(digits)) <= most;
    return [[what, `\`${name}\``, most.toFixed(digits), figure.toFixed(digits), reached ? "yes" : "**no**"]];
  });
}
