import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";

import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../../..");

/** Folders that hold what others wrote, or what a program made. */
const FOREIGN = new Set(["node_modules", "dist", "bundle", "results", "api", "tarballs", "coverage"]);

/** The files below a folder whose text a person wrote. */
async function writtenFiles(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return FOREIGN.has(entry.name) ? [] : writtenFiles(path);
      return entry.isFile() && /\.(?:ts|md|mjs|svg)$/.test(entry.name) ? [path] : [];
    }),
  );
  return nested.flat();
}

const folders = ["docs", "packages", "examples", "conformance", "bench", "testkit", "scripts", ".changeset"];
const pages = ["README.md", "CONTRIBUTING.md", "SECURITY.md"];
const own = relative(root, import.meta.filename);
const paths = [...pages, ...(await Promise.all(folders.map(writtenFiles))).flat()].filter((path) => path !== own);
const texts = await Promise.all(
  paths.map(async (path) => ({
    path,
    text: (await readFile(join(root, path), "utf8")).replaceAll(/\s+(?:\* |\/\/ )?/g, " "),
  })),
);

/** The paths in which a phrase occurs, also across line ends and comment markers. */
const pathsWith = (phrase: RegExp | string, isRead: (path: string) => boolean = () => true): string[] =>
  texts
    .filter(({ text }) => (typeof phrase === "string" ? text.includes(phrase) : phrase.test(text)))
    .map(({ path }) => path)
    .filter(isRead);

/** Sentences that were once written here, and that a reader had to translate. */
const REPLACED = [
  "for a name that is none",
  "A line end that is none",
  "A field line that is none",
  "method or target is none",
  "a certificate that is none",
  "which is none where the file system",
  "An upgrade to h2c is none",
  "whoever routes by it next",
  "That is not the network's doing",
  "of which nobody knows if it was processed",
  "whoever passes the request on over HTTP/1.1",
  "Node says with `null` that nothing more comes",
  "What a source gave before it failed leaves before the cut",
  "is not told of as closed at once",
  "A hook can have the length left out",
  "what is streamed never waits for what comes behind",
  "Who waits for an answer reads on",
  "Who takes nothing of it holds a file open",
  "when the trailers' turn has come",
  "It is nobody else's: those behind it",
  "Names that are never trailers: what frames",
  "Node takes a longer time for a millisecond",
  "called in a way that makes no sense",
  "is of undici's functions only",
  "another answer is none",
  "what stood on the wire",
  "lets one hop flip a bit and another lose the trailers",
  "services that store nothing that did not verify",
  "it never helps to reach",
  "Not there yet:",
  "how often to try again what may pass",
  "what to send, and last where to",
  "takes files under their own names",
  "a further header field",
  "verified, and give them back",
  "a certificate chain (PEM): speak HTTPS",
  "let in uploads that bring no digest",
  "look at digests on their way",
  "--help says what there is",
  "something else listens there",
  "no answer came in time",
  "its md5 is another one",
  "when it is at rest",
  "came with no digest to verify it by",
  "The server was never sent the end of it",
] as const;

describe("no file has the sentence", () => {
  test.each(REPLACED)("%s", (sentence) => {
    expect(pathsWith(sentence)).toEqual([]);
  });
});

describe("what users and maintainers read, tests aside, does not say", () => {
  const isRead = (path: string): boolean => !/(?:^|\/)test\//.test(path) && !path.endsWith("rules.md");
  test.each([
    ["whoever", /\bwhoever\b/i],
    ["nobody, as a subject", /(?<!User |`)\bnobody\b/i],
    ["is none, for does not exist or is not valid", /\bis none[.,;:]/i],
    ["stands for", /\bstands for\b/i],
    ["becomes of", /\bbecomes of\b/i],
    ["broken off, for aborted", /\bbroken off\b/i],
    ["tells, for reports", /\btells\b/i],
  ])("%s", (_name, phrase) => {
    expect(pathsWith(phrase, isRead)).toEqual([]);
  });
});

test("a sentence is found across line ends and comment markers", () => {
  const { text } = texts.find(({ path }) => path === "README.md")!;
  expect(text).toContain("no first pass");
  expect(pathsWith(/A TypeScript-free phrase that no file has/)).toEqual([]);
  expect(pathsWith(/each side reads the data once and its length/)).toEqual(["README.md"]);
});
