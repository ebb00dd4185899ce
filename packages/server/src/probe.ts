import { Writable } from "node:stream";

import type { InboundExchange } from "@trailsum/http/inbound";
import {
  type FieldLine,
  FieldLines,
  probeContentType,
  probeMediaType,
  probeRelation,
  type ProbeReport,
} from "@trailsum/shared";

import { reservedFolder } from "./stores/object-path.ts";
import { readBody } from "./request/request-body.ts";
import type { RequestHead } from "./request/request-head.ts";
import { responseFraming } from "./response/response-framing.ts";
import { proceed, responseHead, type UploadExchange } from "./upload-exchange.ts";

const PROBE = `${reservedFolder}/probe`;

/** The methods that a probe is answered for: those that deliver uploads. */
const METHODS: ReadonlySet<string> = new Set(["PUT", "POST", "PATCH"]);

/** The most content of a probe. Bytes. */
const MAX_CONTENT = 65_536;

/** The header fields whose arrival is reported. */
const REPORTED = /^(?:expect|te|trailer|repr-digest|content-digest|upload-[a-z-]+)$/;

/** Whether a request is a probe. One with the query `early` is answered while its content still comes. */
export function isProbe({ method, target }: RequestHead): boolean {
  return METHODS.has(method) && (target === `/${PROBE}` || target === `/${PROBE}?early`);
}

/**
 * Whether an OPTIONS is also a probe: its content has a dedicated media type (RFC 9110 section 9.3.7) and may be empty, so
 * that one request shows what the server supports and what the path to it does.
 */
export function isProbing({ method, header }: RequestHead): boolean {
  return method === "OPTIONS" && header.get("Content-Type")?.toLowerCase() === probeContentType;
}

/** The `Link` field that says where probes are answered, as a reference relative to a target below the same mount point. */
export function probeLink({ target }: RequestHead): FieldLine[] {
  if (!target.startsWith("/")) return [];
  const depth = target.replace(/\?.*$/s, "").split("/").length - 2;
  return [["Link", `<${"../".repeat(depth)}${PROBE}>; rel="${probeRelation}"`]];
}

/**
 * Answers a probe with a report of what arrived, and stores nothing. A client that announces resumable uploads gets a 104, and
 * one that takes trailers gets one, so that it sees whether they come back.
 */
export async function answerProbe(upload: UploadExchange, { idleTimeout, fields = [] }: ProbeAnswering): Promise<void> {
  const { head, exchange } = upload;
  const { header, target } = head;
  if (header.get("Upload-Draft-Interop-Version") === "8")
    exchange.interim(104, FieldLines.from([["Upload-Draft-Interop-Version", "8"]]));
  proceed(upload);
  const early = target.endsWith("?early");
  let size = 0;
  let [first, last] = [0, 0];
  const content = new Writable({
    write(piece: Buffer, _encoding, done) {
      last = performance.now();
      if (size === 0) {
        first = last;
        // White space is allowed before JSON (RFC 8259 section 2).
        if (early) startReport(exchange, fields).write(Buffer.from("\n"));
      }
      size += piece.length;
      done();
    },
  });
  content.on("error", () => {});
  let trailers = FieldLines.empty;
  await readBody({ head, content: exchange.content }, content, {
    onTrailers: (received) => (trailers = received),
    maxSize: MAX_CONTENT,
    idleTimeout: idleTimeout === 0 ? Number.POSITIVE_INFINITY : (idleTimeout ?? 60_000),
  });
  const report: ProbeReport = {
    httpVersion: exchange.request.httpVersion,
    method: head.method,
    size,
    hasLength: head.size !== undefined,
    trailers: namesIn(trailers),
    fields: namesIn(header).filter((name) => REPORTED.test(name)),
    contentTime: Math.round(last - first),
  };
  if (exchange.status === undefined) startReport(exchange, fields);
  exchange.write(Buffer.from(`${JSON.stringify(report)}\n`));
  exchange.end(framingOf(exchange) === "trailers" ? FieldLines.from([TRAILER]) : FieldLines.empty);
}

/** How a probe is answered. */
interface ProbeAnswering {
  /** How long to wait for the next byte, in milliseconds; 0 means no limit. Default: 60 000. */
  readonly idleTimeout?: number | undefined;
  /** Further fields of the answer. */
  readonly fields?: readonly FieldLine[];
}

/** The trailer of a report: it says nothing but that it came. */
const TRAILER: FieldLine = ["Server-Timing", "probe"];

function startReport(exchange: InboundExchange, others: readonly FieldLine[]): InboundExchange {
  const framing = framingOf(exchange);
  const fields: FieldLine[] = [...others, ["Content-Type", probeMediaType], ["Cache-Control", "no-store"]];
  if (framing === "trailers") fields.push(["Trailer", TRAILER[0]]);
  exchange.head({
    ...responseHead(200, fields),
    length: undefined,
    hasContent: true,
    trailers: framing === "trailers" || exchange.request.httpVersion !== "1.0",
    givesUp: false,
  });
  return exchange;
}

function framingOf({ request }: InboundExchange): ReturnType<typeof responseFraming> {
  return responseFraming(request, 200, undefined);
}

function namesIn(fields: FieldLines): string[] {
  return [...new Set([...fields].map(([name]) => name.toLowerCase()))];
}
