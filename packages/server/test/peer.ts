import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { Http2Server } from "node:http2";
import { join } from "node:path";

import {
  deadline,
  fieldValues,
  listen,
  type Listening,
  parseMessage,
  type ParsedMessage,
  rawClient,
  type RawConnection,
  tempDir,
} from "@trailsum/testkit";

import {
  createDirectoryStore,
  createMemoryStore,
  createUploadHandler,
  type NodeRequest,
  type NodeResponse,
  type Store,
  type UploadHandlerOptions,
} from "../src/index.ts";

/** What is sent, unless a test says otherwise. */
export const content: Buffer = Buffer.from('{"hello": "world"}\n');
export const other: Buffer = Buffer.from('{"hello": "woXYZ!"}\n');

export const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");
export const base64 = (algorithm: string, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest("base64");

/** The entity tag that the upload handler gives content. */
export const etag = (bytes: Uint8Array): string => `"${createHash("sha256").update(bytes).digest("hex")}"`;

/** A request as it is sent: its head lines, then its body as it is. */
export function request(startLine: string, fields: readonly string[] = [], body: string | Buffer = ""): Buffer {
  const head = [`${startLine} HTTP/1.1`, "Host: test", ...fields, "", ""].join("\r\n");
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]);
}

/** A chunked body: `pieces`, each its own chunk, and the trailer lines after the last one. */
export function chunked(pieces: readonly Uint8Array[], trailers: readonly string[] = []): Buffer {
  const chunks = pieces.flatMap((piece) => [
    Buffer.from(`${piece.length.toString(16)}\r\n`),
    piece,
    Buffer.from("\r\n"),
  ]);
  const end = ["0", ...trailers, "", ""].join("\r\n");
  return Buffer.concat([...chunks, Buffer.from(end, "latin1")]);
}

/** An upload with the trailers of the article. */
export function upload(path: string, bytes: Uint8Array = content, fields: readonly string[] = []): Buffer {
  return request(
    `PUT ${path}`,
    ["Transfer-Encoding: chunked", "Trailer: Md5, Size", ...fields],
    chunked([bytes], [`Md5: ${md5(bytes)}`, `Size: ${bytes.length}`]),
  );
}

/** Reads one response from a connection. Only one that ends with its connection takes what comes after it. */
export async function readResponse(
  connection: RawConnection,
  options: { head?: boolean } = {},
): Promise<ParsedMessage> {
  const head = await connection.readHead();
  const bounded = /^(?:content-length|transfer-encoding):|^HTTP\S+ 204/im.test(head.toString("latin1"));
  const { chunks, complete, fieldLines, startLine } = parseMessage(head, options);
  const isShort = (complete && bounded) || options.head === true || /^\S+ (?:1\d\d|304)/.test(startLine);
  if (isShort) return parseMessage(head, options);
  const length = Number(fieldValues(fieldLines, "content-length")[0]);
  const pieces = !bounded
    ? [await connection.readToEnd()]
    : chunks === undefined
      ? [await connection.readBytes(length)]
      : await readChunks(connection);
  return parseMessage(Buffer.concat([head, ...pieces]), options);
}

/** Reads a chunked body, with its trailer section, in the pieces that it says it has. */
async function readChunks(connection: RawConnection): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let size: number;
  do {
    const line = await connection.readUntil("\r\n");
    size = Number.parseInt(line.toString("latin1"), 16);
    pieces.push(line);
    if (size > 0) pieces.push(await connection.readBytes(size + 2));
  } while (size > 0);
  // The trailer section ends with an empty line.
  do pieces.push(await connection.readUntil("\r\n"));
  while (pieces.at(-1)!.length > 2);
  return pieces;
}

/** Sends bytes on a connection of their own and reads the response. */
export async function exchange(port: number, bytes: Uint8Array, options: { head?: boolean } = {}): Promise<Answer> {
  const connection = await rawClient(port);
  void connection.write(bytes);
  const message = await readResponse(connection, options);
  connection.destroy();
  return answerOf(message);
}

/** What a test looks at in a response. */
export interface Answer {
  readonly status: number;
  readonly message: ParsedMessage;
  field(name: string): string | undefined;
  /** The JSON of its body. */
  readonly json: Record<string, unknown>;
}

export function answerOf(message: ParsedMessage): Answer {
  return {
    status: Number(message.startLine.split(" ")[1]),
    message,
    field(name) {
      const line = message.fieldLines.find((text) => text.toLowerCase().startsWith(`${name.toLowerCase()}:`));
      return line?.slice(name.length + 1).trim();
    },
    get json() {
      return JSON.parse(message.body.toString()) as Record<string, unknown>;
    },
  };
}

/** An upload handler in a server, as an application would register it. */
export interface Handling<S extends Server | Http2Server = Server> extends Listening {
  readonly store: Store;
  readonly server: S;
  /** Settles when every request so far has been answered or given up. */
  readonly settled: () => Promise<void>;
}

/** Starts an upload handler, on a memory store by default. */
export function handle(options: Partial<UploadHandlerOptions> = {}): Promise<Handling> {
  return handling(createServer({ requestTimeout: 0 }), options);
}

/** Registers an upload handler with a server, and starts it. */
export async function handling<S extends Server | Http2Server>(
  server: S,
  options: Partial<UploadHandlerOptions> = {},
): Promise<Handling<S>> {
  const store = options.store ?? createMemoryStore();
  const handler = createUploadHandler({ ...options, store });
  const answers: Promise<void>[] = [];
  server.on("request", (req: NodeRequest, res: NodeResponse) => answers.push(handler(req, res)));
  for (const event of ["checkContinue", "checkExpectation"]) {
    server.on(event, (req: NodeRequest, res: NodeResponse) => answers.push(handler.checkContinue(req, res)));
  }
  const listening = await listen(server);
  return {
    ...listening,
    store,
    server,
    settled: () =>
      deadline(
        Promise.all(answers).then(() => {}),
        () => "a request was not settled",
      ),
  };
}

/** A directory store in a new directory, and what is to be seen in it. */
export interface DirectoryFixture {
  readonly directory: string;
  readonly store: Store;
  /** The files in it, the store's own left out, as paths from it. */
  readonly visible: () => Promise<string[]>;
  /** What is being received, or was left behind. */
  readonly staged: () => Promise<string[]>;
  /** The digest records. */
  readonly records: () => Promise<string[]>;
}

export async function directoryFixture(directory?: string): Promise<DirectoryFixture> {
  const root = directory ?? (await tempDir());
  const store = await createDirectoryStore({ directory: root });
  const files = async (folder: string): Promise<string[]> => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .toSorted();
  };
  return {
    directory: root,
    store,
    visible: async () => (await files(root)).filter((file) => !file.startsWith(".trailsum/")),
    staged: () => files(join(root, ".trailsum/staging")),
    records: () => files(join(root, ".trailsum/digests")),
  };
}

/** The content of the object at a path; undefined if it is absent. */
export async function readObject(store: Store, path: string): Promise<Buffer | undefined> {
  const object = await store.open(path);
  if (object === undefined) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of object.createReadStream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
