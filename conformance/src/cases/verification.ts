import { createHash } from "node:crypto";

import { type ConformanceCase, exchange } from "../conformance-case.ts";
import { request, response } from "../message.ts";

const area = (name: string): string => `verification/${name}`;
const CONTENT = ["what was ", "sent"];
const hash = (encoding: "hex" | "base64", text = CONTENT.join("")): string =>
  createHash("md5").update(text).digest(encoding);
const good = [`Md5: ${hash("hex")}`, "Size: 13", `Content-Digest: md5=:${hash("base64")}:`];
const bad = [`Md5: ${hash("hex", "something else")}`, "Size: 13"];
const announced = ["Trailer: Md5, Size, Content-Digest"];

const upload = (trailers: readonly string[], fields: readonly string[] = announced) =>
  request({ method: "PUT", fields, content: CONTENT, trailers, framing: "chunked" });
const download = (trailers: readonly string[], fields: readonly string[] = announced) =>
  response({ fields, content: CONTENT, trailers, framing: "chunked" });

/** Uploads that a verifying proxy must not let look whole. */
const WRONG: readonly (readonly [
  name: string,
  title: string,
  trailers: readonly string[],
  fields?: readonly string[],
])[] = [
  ["digest", "a wrong digest after it", bad],
  ["size", "a wrong size after it", [`Md5: ${hash("hex")}`, "Size: 14"]],
  [
    "one-of-two",
    "one wrong digest among good ones",
    [...good.slice(0, 2), `Content-Digest: md5=:${hash("base64", "x")}:`],
  ],
  ["missing", "digests that were announced and never came", []],
  ["malformed", "an invalid digest", ["Md5: zzz", "Size: 13"]],
  ["in-header", "a wrong digest ahead of it", [], [`Content-Digest: md5=:${hash("base64", "x")}:`]],
];

/** Verification in flight: what is wrong never looks whole to the next hop. */
export const verification: readonly ConformanceCase[] = [
  exchange({
    id: area("upload-right"),
    title: "an upload with right digests passes, trailers and all",
    rules: ["G1", "RFC 9530 section 2"],
    setup: "enforce",
    sends: upload(good),
    originSees: { content: CONTENT.join(""), trailers: good },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  exchange({
    id: area("download-right"),
    title: "a download with right digests passes, trailers and all",
    rules: ["rule 61", "RFC 9530 section 2"],
    setup: "enforce",
    sends: request(),
    originSends: download(good),
    clientSees: { status: 200, content: CONTENT.join(""), trailers: good },
  }),
  exchange({
    id: area("upload-nothing-to-verify"),
    title: "an upload without digests passes",
    rules: ["G1"],
    setup: "enforce",
    sends: upload([], []),
    originSees: { content: CONTENT.join("") },
    originSends: response(),
    clientSees: { status: 200 },
  }),
  ...WRONG.flatMap(([name, title, trailers, fields]) => [
    exchange({
      id: area(`upload-wrong-${name}`),
      title: `an upload with ${title} is cut, and answered with 400`,
      rules: ["G1", "RFC 9530 section 2"],
      setup: "enforce",
      sends: upload(trailers, fields),
      originSees: { end: "broken" },
      originSends: response(),
      clientSees: { status: 400, fields: ["Content-Type: application/problem+json"] },
    }),
    exchange({
      id: area(`download-wrong-${name}`),
      title: `a download with ${title} is cut`,
      rules: ["rule 37", "RFC 9530 section 2"],
      setup: "enforce",
      sends: request(),
      originSends: download(trailers, fields),
      clientSees: { end: "broken" },
    }),
  ]),
  exchange({
    id: area("upload-wrong-with-length"),
    title: "an upload of known length with a wrong digest is cut ahead of its last byte, and answered with 400",
    rules: ["rule 39", "RFC 9530 section 2"],
    setup: "enforce",
    sends: request({ method: "PUT", fields: [`Content-Digest: md5=:${hash("base64", "x")}:`], content: CONTENT }),
    originSees: { end: "broken" },
    originSends: response(),
    clientSees: { status: 400 },
  }),
  exchange({
    id: area("download-wrong-with-length"),
    title: "a download of known length with a wrong digest is cut ahead of its last byte",
    rules: ["rule 39", "RFC 9530 section 2"],
    setup: "enforce",
    sends: request(),
    originSends: response({ fields: [`Repr-Digest: md5=:${hash("base64", "x")}:`], content: CONTENT }),
    clientSees: { end: "broken" },
  }),
];
