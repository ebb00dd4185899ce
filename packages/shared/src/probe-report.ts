import { parseJsonObject } from "./json-object.ts";

/** The relation type by which a server names where probes are answered (RFC 8288 section 2.1.2). */
export const probeRelation = "urn:trailsum:probe";

/** The media type of a probe report. */
export const probeMediaType = "application/json";

/** The media type of the content of a question to a target: an OPTIONS whose answer is a report. */
export const probeContentType = "application/vnd.trailsum.probe";

/** What a server received of a probe: a request that shows what the hops on its path keep, and that stores nothing. */
export interface ProbeReport {
  /** The version of HTTP in which it arrived. */
  readonly httpVersion: string;
  /** The method of the probe as it arrived. */
  readonly method: string;
  /** How many bytes of content arrived. */
  readonly size: number;
  /** Whether the content arrived with a `Content-Length`: then a hop buffered all of it before forwarding, or the sender knew the length. */
  readonly hasLength: boolean;
  /** The names of the trailer fields that arrived, in lower case. */
  readonly trailers: readonly string[];
  /** The names of the header fields that arrived and matter to delivery, in lower case. */
  readonly fields: readonly string[];
  /** How many milliseconds passed between the first and the last piece of content. */
  readonly contentTime: number;
}

/** Reads the content of a response as a report; undefined if it is something else. */
export function parseProbeReport(content: string): ProbeReport | undefined {
  const value = parseJsonObject<ProbeReport>(content);
  if (value === undefined) return undefined;
  const { httpVersion, method, size, hasLength, trailers, fields, contentTime } = value;
  if (typeof httpVersion !== "string" || typeof method !== "string" || typeof hasLength !== "boolean") return undefined;
  if (!Number.isSafeInteger(size) || typeof contentTime !== "number") return undefined;
  if (!isNames(trailers) || !isNames(fields)) return undefined;
  return { httpVersion, method, size: Number(size), hasLength, trailers, fields, contentTime };
}

function isNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}
