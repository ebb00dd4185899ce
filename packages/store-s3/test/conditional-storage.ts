import { createHash, randomUUID } from "node:crypto";

import { S3Client } from "@aws-sdk/client-s3";
import { http, HttpResponse } from "msw";
import { setupServer, type SetupServer } from "msw/node";
import { afterAll, beforeAll } from "vitest";

const origin = "http://storage.test";
export const bucket = "bucket";

interface Stored {
  readonly bytes: Buffer;
  readonly header: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly modified: Date;
}

interface Pending {
  readonly key: string;
  readonly header: Readonly<Record<string, string>>;
  readonly begun: Date;
  readonly parts: Map<number, Stored>;
}

/** What a test makes of a request; undefined leaves it to the storage. `what` is the operation, such as `UploadPart 2`. */
type Fault = (what: string, request: Request) => Response | Promise<Response> | undefined;

/** An object storage in memory that evaluates the conditions of writes as Amazon S3 does, and fails as a test likes. */
export interface ConditionalStorage {
  readonly client: S3Client;
  readonly objects: Map<string, Stored>;
  readonly uploads: Map<string, Pending>;
  /** The operations so far. */
  readonly operations: string[];
  fault: Fault;
  /** Forgets everything. */
  reset(): void;
}

/** Answers the requests of the SDK in this process while the tests of a file run. */
export function conditionalStorage(): ConditionalStorage {
  const objects = new Map<string, Stored>();
  const uploads = new Map<string, Pending>();
  const operations: string[] = [];
  const storage: ConditionalStorage = {
    client: new S3Client({
      endpoint: origin,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    }),
    objects,
    uploads,
    operations,
    fault: () => undefined,
    reset() {
      objects.clear();
      uploads.clear();
      operations.length = 0;
      storage.fault = () => undefined;
    },
  };

  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const key = decodeURIComponent(url.pathname.slice(`/${bucket}/`.length));
    const query = url.searchParams;
    const body = Buffer.from(await request.arrayBuffer());
    const upload = uploads.get(query.get("uploadId") ?? "");
    switch (`${request.method} ${operation(request)}`.split(" ", 2).join(" ")) {
      case "HEAD HeadBucket":
        return new HttpResponse(null);
      case "PUT PutObject":
        if (!holds(request, objects.get(key))) return refused(412, "PreconditionFailed");
        return stored(objects, key, body, headerOf(request));
      case "HEAD HeadObject":
      case "GET GetObject":
        return read(request, objects.get(key));
      case "DELETE DeleteObject":
        if (!holds(request, objects.get(key))) return refused(412, "PreconditionFailed");
        objects.delete(key);
        return new HttpResponse(null, { status: 204 });
      case "POST CreateMultipartUpload": {
        const uploadId = randomUUID();
        uploads.set(uploadId, { key, header: headerOf(request), begun: new Date(), parts: new Map() });
        return HttpResponse.xml(`<R><UploadId>${uploadId}</UploadId></R>`);
      }
      case "PUT UploadPart": {
        if (upload === undefined) return refused(404, "NoSuchUpload");
        const source = request.headers.get("x-amz-copy-source");
        if (source === null) return stored(upload.parts, Number(query.get("partNumber")), body, {});
        const copied = objects.get(decodeURIComponent(source.slice(`${bucket}/`.length)))!;
        stored(upload.parts, Number(query.get("partNumber")), copied.bytes, {});
        return HttpResponse.xml(`<R><ETag>${copied.etag}</ETag></R>`);
      }
      case "POST CompleteMultipartUpload": {
        if (upload === undefined) return refused(404, "NoSuchUpload");
        if (!holds(request, objects.get(key))) return refused(412, "PreconditionFailed");
        const named = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
        const parts = named.map((number) => upload.parts.get(number));
        if (parts.includes(undefined)) return refused(400, "InvalidPart");
        uploads.delete(query.get("uploadId")!);
        stored(objects, key, Buffer.concat(parts.map((part) => part!.bytes)), upload.header);
        return HttpResponse.xml(`<R><ETag>${objects.get(key)!.etag.replace(/"$/, `-${parts.length}"`)}</ETag></R>`);
      }
      case "DELETE AbortMultipartUpload":
        uploads.delete(query.get("uploadId")!);
        return new HttpResponse(null, { status: 204 });
      case "GET ListMultipartUploads":
        return HttpResponse.xml(`<R>${[...uploads].map(listedUpload).join("")}</R>`);
      default:
        return HttpResponse.xml(`<R>${list(objects, query)}</R>`);
    }
  };

  const server: SetupServer = setupServer(
    http.all(`${origin}/*`, async ({ request }) => {
      const what = operation(request);
      operations.push(what);
      return (await storage.fault(what, request)) ?? answer(request);
    }),
  );
  beforeAll(() => server.listen());
  afterAll(() => {
    server.close();
    storage.client.destroy();
  });
  return storage;
}

/** The name of S3's operation. */
function operation({ method, url }: Request): string {
  const { pathname, searchParams } = new URL(url);
  const inBucket = pathname.length > bucket.length + 2;
  const part = searchParams.get("partNumber");
  if (method === "HEAD") return inBucket ? "HeadObject" : "HeadBucket";
  if (method === "PUT") return part === null ? "PutObject" : `UploadPart ${part}`;
  if (method === "POST") return searchParams.has("uploads") ? "CreateMultipartUpload" : "CompleteMultipartUpload";
  if (method === "DELETE") return searchParams.has("uploadId") ? "AbortMultipartUpload" : "DeleteObject";
  if (inBucket) return "GetObject";
  return searchParams.has("uploads") ? "ListMultipartUploads" : "ListObjectsV2";
}

export function refused(status: number, code: string): Response {
  return HttpResponse.xml(`<Error><Code>${code}</Code><Message>no</Message></Error>`, { status });
}

function holds({ headers }: Request, there: Stored | undefined): boolean {
  const [ifMatch, ifNoneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  return (ifMatch === null || ifMatch === there?.etag) && (ifNoneMatch === null || there === undefined);
}

function stored<K>(into: Map<K, Stored>, key: K, bytes: Buffer, header: Readonly<Record<string, string>>): Response {
  const etag = `"${createHash("md5").update(bytes).digest("hex")}"`;
  into.set(key, { bytes, header, etag, modified: new Date() });
  return new HttpResponse(null, { headers: { ETag: etag } });
}

function headerOf({ headers }: Request): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => /^(?:content-(?!length)|x-amz-meta-)/.test(name)));
}

function read({ method, headers }: Request, there: Stored | undefined): Response {
  if (there === undefined) return refused(404, "NoSuchKey");
  const { bytes, etag, header, modified } = there;
  if (![null, etag].includes(headers.get("if-match"))) return refused(412, "PreconditionFailed");
  const described = { ...header, ETag: etag, "Last-Modified": modified.toUTCString() };
  if (method === "HEAD")
    return new HttpResponse(null, { headers: { ...described, "Content-Length": String(bytes.length) } });
  const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(headers.get("range") ?? "") ?? [];
  if (start === undefined) return new HttpResponse(new Uint8Array(bytes), { headers: described });
  if (Number(start) >= bytes.length) return refused(416, "InvalidRange");
  const part = bytes.subarray(Number(start), Number(end) + 1);
  const range = `bytes ${start}-${Number(start) + part.length - 1}/${bytes.length}`;
  return new HttpResponse(new Uint8Array(part), { status: 206, headers: { ...described, "Content-Range": range } });
}

function list(objects: ReadonlyMap<string, Stored>, query: URLSearchParams): string {
  const [prefix, delimiter, after] = ["prefix", "delimiter", "start-after"].map((name) => query.get(name) ?? "");
  const bytes = (text: string): string => Buffer.from(text).toString("latin1");
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix!) && bytes(key) > bytes(after!));
  const isBelow = (key: string): boolean => delimiter !== "" && key.indexOf(delimiter!, prefix!.length) >= 0;
  const prefixes = keys.filter(isBelow).map((key) => key.slice(0, key.indexOf(delimiter!, prefix!.length) + 1));
  const contents = keys
    .filter((key) => !isBelow(key))
    .map((key) => {
      const modified = objects.get(key)!.modified.toISOString();
      return `<Contents><Key>${key}</Key><LastModified>${modified}</LastModified></Contents>`;
    });
  const common = [...new Set(prefixes)].map((each) => `<CommonPrefixes><Prefix>${each}</Prefix></CommonPrefixes>`);
  return [...contents, ...common].join("");
}

function listedUpload([uploadId, { key, begun }]: readonly [string, Pending]): string {
  const initiated = begun.toISOString();
  return `<Upload><Key>${key}</Key><UploadId>${uploadId}</UploadId><Initiated>${initiated}</Initiated></Upload>`;
}
