import { createHash } from "node:crypto";

/** Content, and what is said of it, rightly and wrongly. */
export const BODY = "the content that is verified in transit";
export const MD5: string = createHash("md5").update(BODY).digest("hex");
export const WRONG: string = createHash("md5").update("something else").digest("hex");

/** `Content-Digest` of SHA-256, over anything. */
export function sha256(text: string): string {
  return `sha-256=:${createHash("sha256").update(text).digest("base64")}:`;
}

/** What is said of a message: header fields, content, trailer fields. Chunked unless a length is given. */
export interface Said {
  readonly fields?: readonly string[];
  readonly body?: string;
  readonly trailers?: readonly string[];
}

/** Everything after the start line of a message; two chunks where there is enough for two. */
export function message({ fields = [], body = BODY, trailers = [] }: Said): string {
  const head = (own: readonly string[]): string => [...own, ...fields].map((line) => `${line}\r\n`).join("");
  if (fields.some((line) => /^content-length/i.test(line))) return `${head([])}\r\n${body}`;
  const chunks = [body.slice(0, 10), body.slice(10)].filter((piece) => piece !== "");
  const content = chunks.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join("");
  const section = trailers.map((line) => `${line}\r\n`).join("");
  return `${head(["Transfer-Encoding: chunked"])}\r\n${content}0\r\n${section}\r\n`;
}

const length = `Content-Length: ${BODY.length}`;
const announced = "Trailer: Md5, Size";

/** Messages that are let through in every mode, and their verdicts. */
export const GOOD: readonly (readonly [what: string, verdict: string, said: Said])[] = [
  ["announced trailers", "verified", { fields: [announced], trailers: [`Md5: ${MD5}`, `Size: ${BODY.length}`] }],
  ["a header digest and a length", "verified", { fields: [length, `Content-Digest: ${sha256(BODY)}`] }],
  ["a header digest of chunked content", "verified", { fields: [`Repr-Digest: ${sha256(BODY)}`] }],
  [
    "empty chunked content",
    "verified",
    { body: "", fields: [announced], trailers: [`Md5: ${createHash("md5").digest("hex")}`, "Size: 0"] },
  ],
  ["nothing to verify it by, chunked", "unverified", {}],
  ["a digest of an algorithm that is not known here", "unverified", { fields: [length, "Content-Digest: foo=:AAAA:"] }],
];

/** Messages that are cut off where that is asked for, and their verdicts. */
export const BAD: readonly (readonly [what: string, verdict: string, said: Said])[] = [
  ["a wrong trailer", "mismatched", { fields: [announced], trailers: [`Md5: ${WRONG}`, `Size: ${BODY.length}`] }],
  ["a wrong size", "mismatched", { fields: [announced], trailers: [`Md5: ${MD5}`, "Size: 3"] }],
  ["a trailer that was announced and never comes", "missing", { fields: [announced], trailers: [`Md5: ${MD5}`] }],
  ["no trailers at all where they were announced", "missing", { fields: [announced] }],
  ["a trailer that cannot be understood", "malformed", { fields: ["Trailer: Md5"], trailers: ["Md5: xyz"] }],
  [
    "one trailer twice, with two values",
    "malformed",
    { fields: ["Trailer: Md5"], trailers: [`Md5: ${MD5}`, `Md5: ${WRONG}`] },
  ],
  [
    "a header and a trailer that differ",
    "malformed",
    { fields: [`Md5: ${MD5}`, "Trailer: Md5"], trailers: [`Md5: ${WRONG}`] },
  ],
  ["a wrong header digest and a length", "mismatched", { fields: [length, `Content-Digest: ${sha256("x")}`] }],
  [
    "a wrong header digest of one byte",
    "mismatched",
    { body: "b", fields: ["Content-Length: 1", `Content-Digest: ${sha256("x")}`] },
  ],
  ["a wrong header digest of chunked content", "mismatched", { fields: [`Repr-Digest: ${sha256("x")}`] }],
  [
    "a wrong trailer after empty content",
    "mismatched",
    { body: "", fields: ["Trailer: Md5"], trailers: [`Md5: ${MD5}`] },
  ],
];
