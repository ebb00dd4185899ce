import { addFields, type InboundExchange, type InboundRequest } from "@trailsum/http/inbound";
import { type FieldLine, integrityFieldNames, TrailsumError } from "@trailsum/shared";

/** The origins whose pages may use a server from a browser: a list of them, or every one. */
export type AllowedOrigins = readonly string[] | "*";

/** What scripts may read of a response besides the fields that the Fetch standard exposes to all of them. */
const EXPOSED = [
  ...integrityFieldNames,
  "Want-Content-Digest",
  "Want-Repr-Digest",
  "ETag",
  "Location",
  "Accept-Ranges",
  "Content-Range",
  "Content-Disposition",
  "Content-Encoding",
  "Allow",
  "Retry-After",
  "WWW-Authenticate",
  "Preference-Applied",
  "Upload-Offset",
  "Upload-Complete",
  "Upload-Limit",
  "Upload-Length",
  "Upload-Expires",
  "Upload-Metadata",
  "Upload-Draft-Interop-Version",
  "Tus-Resumable",
  "Tus-Version",
  "Tus-Extension",
  "Tus-Max-Size",
  "Tus-Checksum-Algorithm",
].join(", ");

/** How long a browser may remember the answer to a preflight request. Seconds. */
const MAX_AGE = 600;

/** Lets pages of other origins use a server (CORS; Fetch standard, section 3.2). No origin is allowed by default. */
export class CrossOriginPolicy {
  readonly #allowed: AllowedOrigins;

  /** Throws `USAGE` for what is not an origin. */
  constructor(allowed: AllowedOrigins = []) {
    this.#allowed = allowed;
    if (allowed === "*") return;
    const wrong = allowed.find((origin) => URL.parse(origin)?.origin !== origin);
    if (wrong === undefined) return;
    throw new TrailsumError("USAGE", `"${wrong}" is not a valid origin: write it as https://app.example`);
  }

  /** Whether a page of an allowed origin made the request. */
  allows({ header }: InboundRequest): boolean {
    const origin = header.get("Origin");
    return origin !== undefined && (this.#allowed === "*" || this.#allowed.includes(origin));
  }

  /** Adds to the response what lets an allowed page read it. */
  expose(exchange: InboundExchange): void {
    if (this.#allowed.length === 0) return;
    const fields: FieldLine[] = this.#allowed === "*" ? [] : [["Vary", "Origin"]];
    if (this.allows(exchange.request)) {
      const origin = this.#allowed === "*" ? "*" : exchange.request.header.get("Origin")!;
      fields.push(["Access-Control-Allow-Origin", origin], ["Access-Control-Expose-Headers", EXPOSED]);
    }
    addFields(exchange, fields);
  }

  /**
   * The fields that answer a preflight request; undefined for every other request. It is answered without authorization:
   * browsers send none with it. One of another origin gets no fields, which is how the browser knows.
   */
  preflightFields(request: InboundRequest, methods: readonly string[]): FieldLine[] | undefined {
    const { method, header } = request;
    const isPreflight = method === "OPTIONS" && header.has("Origin") && header.has("Access-Control-Request-Method");
    if (!isPreflight) return undefined;
    if (!this.allows(request)) return [];
    const asked = header.list("Access-Control-Request-Headers").filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name));
    const allowed: FieldLine[] = asked.length === 0 ? [] : [["Access-Control-Allow-Headers", asked.join(", ")]];
    return [
      ["Access-Control-Allow-Methods", methods.join(", ")],
      ...allowed,
      ["Access-Control-Max-Age", String(MAX_AGE)],
    ];
  }
}
