import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";
import { base64Of, content, fileOf, md5 } from "./support/content.ts";
import { startHop } from "./support/hop.ts";
import { inLanes } from "./support/lanes.ts";
import { serve } from "./support/serving.ts";

const trailsum = commandProcess();

const right = md5(content);
const wrong = md5(Buffer.from("something else"));
const size = content.length;

interface Row {
  readonly name: string;
  /** What happens to the request in transit. */
  readonly edit?: (request: string) => string;
  readonly exit: number;
  /** What the server's sentence says. */
  readonly says: RegExp;
}

const trailerSection = (lines: string) => (request: string) =>
  request.replace(/\r\n0\r\n.*$/s, `\r\n0\r\n${lines}\r\n`);
const withoutAnnouncement = (request: string): string => request.replace(/\r\nTrailer: [^\r]*/i, "");

const rows: readonly Row[] = [
  { name: "verified", exit: 0, says: /^$/ },
  {
    name: "verified by one digest alone",
    edit: (request) => trailerSection(`Md5: ${right}\r\n`)(withoutAnnouncement(request)),
    exit: 0,
    says: /^$/,
  },
  {
    name: "mismatched: the content",
    edit: (request) => request.replace(content.toString(), content.toString().toUpperCase()),
    exit: 6,
    says: /400 Bad Request: the content is not what was sent: .* Md5, Content-Digest \(sha-256\), Content-Digest \(md5\)$/m,
  },
  {
    name: "mismatched: one digest among right ones",
    edit: (request) => request.replace(`Md5: ${right}`, `Md5: ${wrong}`),
    exit: 6,
    says: /is not what was sent: .* Md5$/m,
  },
  {
    name: "mismatched: the size",
    edit: (request) => request.replace(`Size: ${size}`, `Size: ${size - 1}`),
    exit: 6,
    says: /is not what was sent: .* Size$/m,
  },
  {
    name: "missing: a hop that drops trailers",
    edit: trailerSection(""),
    exit: 7,
    says: /Md5, Size, Content-Digest did not arrive, .* a proxy on the way may have dropped trailers/,
  },
  {
    name: "missing: one of three",
    edit: (request) => request.replace(/Size: \d+\r\n/, ""),
    exit: 7,
    says: /: Size did not arrive/,
  },
  {
    name: "malformed: a digest that is no hex",
    edit: (request) => request.replace(`Md5: ${right}`, "Md5: unknown"),
    exit: 6,
    says: /: Md5 in the trailer: /,
  },
  {
    name: "malformed: a digest of the wrong length",
    edit: (request) => request.replace(/Content-Digest: sha-256=:[^:]*:/, "Content-Digest: sha-256=:AAAA:"),
    exit: 6,
    says: /: Content-Digest in the trailer: /,
  },
  {
    name: "malformed: one field twice with different values",
    edit: (request) => request.replace(`Md5: ${right}`, `Md5: ${right}\r\nMd5: ${wrong}`),
    exit: 6,
    says: /: Md5 in the trailer: /,
  },
  {
    name: "unverified: a hop that drops trailers and their announcement",
    edit: (request) => trailerSection("")(withoutAnnouncement(request)),
    exit: 7,
    says: /: no digest was sent to verify the content: send Md5/,
  },
  {
    name: "unverified: a size and nothing else",
    edit: (request) => trailerSection(`Size: ${size}\r\n`)(withoutAnnouncement(request)),
    exit: 7,
    says: /: no digest was sent to verify the content/,
  },
  {
    name: "unverified: a digest that cannot be checked here",
    edit: (request) =>
      trailerSection(`Content-Digest: sha-384=:${base64Of("sha384", content)}:\r\n`)(withoutAnnouncement(request)),
    exit: 7,
    says: /sha-384 cannot be checked here; use one of md5/,
  },
];

test("each verdict on an upload has its exit status and its sentence, and only what verified is stored", async () => {
  const { url, visible, staged } = await serve();
  const file = await fileOf();
  const results = await inLanes(
    rows,
    () => startHop(url),
    async ({ name, edit }, hop) => {
      hop.plan = edit === undefined ? {} : { edit };
      // What lost its trailers would be delivered in another way.
      return trailsum(["upload", file, `${hop.origin}/${encodeURIComponent(name)}`, "--delivery", "trailers"]);
    },
  );
  const exits = rows.map(({ name }, index) => [name, results[index]!.exitCode]);
  expect(exits).toEqual(rows.map(({ name, exit }) => [name, exit]));
  expect(await visible()).toEqual(["verified", "verified by one digest alone"]);
  expect(await staged()).toEqual([]);
  for (const [index, { says, exit }] of rows.entries()) {
    const { stdout, stderr } = results[index]!;
    expect(stderr).toMatch(says);
    expect(stderr.split("\n")).toHaveLength(exit === 0 ? 1 : 2);
    expect(stdout).toBe(exit === 0 ? `${right}  ${file}\n` : "");
    // An attacker who learned the computed digest could shape content towards it.
    expect(stderr).not.toContain(md5(Buffer.from(content.toString().toUpperCase())));
  }
});

test("an answer that contradicts what was sent is a mismatch, found by the client", async () => {
  const { url } = await serve();
  const hop = await startHop(url);
  const file = await fileOf();
  // Content and trailers are changed so that they fit together: only the sender can detect it.
  const other = content.toString().toUpperCase();
  hop.plan = {
    edit: (request) =>
      trailerSection(`Md5: ${md5(Buffer.from(other))}\r\n`)(withoutAnnouncement(request)).replace(
        content.toString(),
        other,
      ),
  };
  const { exitCode, stdout, stderr } = await trailsum(["upload", file, `${hop.origin}/forged`]);
  expect([exitCode, stdout]).toEqual([6, ""]);
  expect(stderr).toMatch(/^trailsum: \S+\/forged: the server stored something else: its sha-256 differs\n$/);
});
