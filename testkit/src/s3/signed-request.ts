import { createHash, createHmac } from "node:crypto";

/** The key that requests are signed with. */
export const s3Credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const sha256 = (bytes: string | Buffer): string => createHash("sha256").update(bytes).digest("hex");
const EMPTY = sha256("");

/** A request that is signed by SigV4, byte by byte as it is sent. */
export interface SignedRequest {
  readonly bytes: Buffer;
  /** Signs chunks, and the trailer after them. */
  readonly chunk: (data: string | Buffer) => Buffer;
  readonly trailer: (lines: string) => string;
}

export interface RequestToSign {
  readonly method?: string;
  readonly path: string;
  /** The `Host`. */
  readonly host?: string;
  /** The query as it is sent, its names in their order. */
  readonly query?: string;
  readonly payload?: string;
  /** Fields that are signed besides `Host` and those of the signature. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Fields that are not. */
  readonly unsigned?: readonly string[];
  readonly time?: Date;
  readonly secret?: string;
  readonly region?: string;
}

/** Signs a request independently of the server. `content` follows the head as it is. */
export function signedRequest(request: RequestToSign): SignedRequest {
  const {
    method = "PUT",
    path,
    query = "",
    payload = "UNSIGNED-PAYLOAD",
    fields = {},
    unsigned = [],
    host = "test",
  } = request;
  const { time = new Date(), secret = s3Credentials.secretAccessKey, region = "us-east-1" } = request;
  const date = `${time.toISOString().replaceAll(/[-:]/g, "").slice(0, 15)}Z`;
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`;
  const key = [date.slice(0, 8), region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${secret}`);
  const header = new Map(
    Object.entries({ host, "x-amz-content-sha256": payload, "x-amz-date": date, ...fields }).toSorted(([a], [b]) =>
      a < b ? -1 : 1,
    ),
  );
  const names = [...header.keys()].join(";");
  const lines = [...header].map(([name, value]) => `${name}:${value}`);
  const canonical = [method, path, query, ...lines, "", names, payload].join("\n");
  const sign = (kind: string, parts: readonly string[]): string =>
    hmac(key, [`AWS4-HMAC-SHA256${kind}`, date, scope, ...parts].join("\n")).toString("hex");
  let previous = sign("", [sha256(canonical)]);
  const authorization = `AWS4-HMAC-SHA256 Credential=${s3Credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${previous}`;
  const target = query === "" ? path : `${path}?${query}`;
  const head = [
    `${method} ${target} HTTP/1.1`,
    ...[...header].map(([name, value]) => `${name}: ${value}`),
    `authorization: ${authorization}`,
    ...unsigned,
    "",
    "",
  ];
  return {
    bytes: Buffer.from(head.join("\r\n"), "latin1"),
    chunk(data) {
      const bytes = Buffer.from(data);
      previous = sign("-PAYLOAD", [previous, EMPTY, sha256(bytes)]);
      const start = `${bytes.length.toString(16)};chunk-signature=${previous}\r\n`;
      return Buffer.concat([Buffer.from(start), bytes, Buffer.from(bytes.length > 0 ? "\r\n" : "")]);
    },
    trailer: (text) => sign("-TRAILER", [previous, sha256(text)]),
  };
}

/** What a presigned URL is for. */
export interface PresignedRequest {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  /** Seconds. */
  readonly expires: number;
  readonly time?: Date;
}

/** The path and the query of a presigned URL. */
export function signedQuery({ method, path, host, expires, time = new Date() }: PresignedRequest): string {
  const date = `${time.toISOString().replaceAll(/[-:]/g, "").slice(0, 15)}Z`;
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const query = [
    "X-Amz-Algorithm=AWS4-HMAC-SHA256",
    `X-Amz-Credential=${encodeURIComponent(`${s3Credentials.accessKeyId}/${scope}`)}`,
    `X-Amz-Date=${date}`,
    `X-Amz-Expires=${expires}`,
    "X-Amz-SignedHeaders=host",
  ].join("&");
  const canonical = [method, path, query, `host:${host}`, "", "host", "UNSIGNED-PAYLOAD"].join("\n");
  const key = [date.slice(0, 8), "us-east-1", "s3", "aws4_request"].reduce<string | Buffer>(
    hmac,
    `AWS4${s3Credentials.secretAccessKey}`,
  );
  const signature = hmac(key, ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n")).toString("hex");
  return `${path}?${query}&X-Amz-Signature=${signature}`;
}
