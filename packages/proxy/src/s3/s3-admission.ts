import { pipeline } from "node:stream/promises";

import {
  type ContentSource,
  InboundContent,
  type InboundExchange,
  type InboundRequest,
  parseRequestTarget,
} from "@trailsum/http/inbound";
import {
  authenticate,
  type Authenticated,
  declaredChecksum,
  decodedContent,
  parsePayload,
  type Payload,
  type S3Credentials,
  S3Error,
  S3Query,
  signRequest,
  verdictS3Error,
  withoutAwsChunked,
} from "@trailsum/s3";
import { FieldLines, type Verdict } from "@trailsum/shared";

import type { Admission } from "../request/admitted-request.ts";
import type { OutboundRequest } from "../request/outbound-request.ts";
import { judgeNoContent, type VerifiableMessage, Verification } from "../verification.ts";

/** What makes a shield for an S3 store of a proxy. */
export interface S3VerifyOptions extends S3Credentials {
  /**
   * Whether objects and parts are forwarded that come with nothing to verify them by. What comes is verified all the same.
   * @default false
   */
  readonly allowUnverified?: boolean | undefined;
}

/** What only says how the content of a request was sent or signed. A plain request has nothing of it. */
const OF_FRAMING = new Set([
  "x-amz-decoded-content-length",
  "x-amz-trailer",
  "x-amz-sdk-checksum-algorithm",
  "trailer",
]);

/**
 * Admits requests that are signed with the key (SigV4), takes the framing `aws-chunked` off their content, and has it verified by
 * its checksum, its `Content-MD5`, `x-amz-content-sha256` or the signatures of its chunks. What is forwarded is a plain request that
 * is signed again.
 */
export function s3Admission(options: S3VerifyOptions): Admission {
  const { allowUnverified = false } = options;
  return async (exchange) => {
    const { request } = exchange;
    const { method, target, header, host } = request;
    const query = new S3Query(target.query);
    const signature = authenticate({ method, path: signedPath(request), query, header, host }, [options]);
    if (signature === undefined) throw new S3Error("AccessDenied");
    const payload = parsePayload(signature.payload, header);
    const about = fieldsAboutContent(request, query);
    declaredChecksum(about);
    const sign = (out: OutboundRequest): void => signAgain(out, options, signature);
    const { verifiable, content, outgoing } = plainRequest(exchange, about, { payload, signature, allowUnverified });
    // The head of a message without content is all of it: nothing could be held back.
    if (outgoing.content?.length !== 0 && outgoing.content !== undefined)
      return { request: outgoing, content, verifiable, sign };
    await judgeEmptyContent(exchange, content, verifiable);
    return { request: { ...outgoing, content: undefined }, content: undefined, sign };
  };
}

function signedPath({ target, mountPath = "" }: InboundRequest): string {
  return `${mountPath}${target.path}`;
}

interface PlainRequest {
  readonly outgoing: InboundRequest;
  readonly content: ContentSource | undefined;
  readonly verifiable: VerifiableMessage;
}

/** How content is framed and signed, and what it needs. */
interface ContentTerms {
  readonly payload: Payload;
  readonly signature: Authenticated;
  readonly allowUnverified: boolean;
}

/** The header without what is not about the content: CompleteMultipartUpload has the checksum of the object that it makes. */
function fieldsAboutContent({ method, header }: InboundRequest, query: S3Query): FieldLines {
  if (method !== "POST" || !query.has("uploadId")) return header;
  return header.without((name) => /^x-amz-(?:sdk-)?checksum-/i.test(name));
}

/** The request without the framing of S3, and what its content must be. */
function plainRequest(
  { request, content }: InboundExchange,
  about: FieldLines,
  { payload, signature, allowUnverified }: ContentTerms,
): PlainRequest {
  const { header } = request;
  const isChunked = payload.kind === "aws-chunked";
  const decoded = isChunked
    ? decodedContent({ header: about, content, payload, signature })
    : { header: about, content, size: request.content?.length, trailersPossible: false };
  const { size } = decoded;
  const isSigned = isChunked && payload.signed;
  const acceptsUnverified = allowUnverified || isSigned || request.method !== "PUT" || size === undefined || size === 0;
  const plain = isChunked ? withoutAwsChunked(header).without((name) => OF_FRAMING.has(name.toLowerCase())) : header;
  return {
    outgoing: {
      ...request,
      target: { ...request.target, query: withoutSignature(request.target.query) },
      header: size === undefined ? plain : plain.set("Content-Length", String(size)),
      content: request.content && { length: size, trailersPossible: false },
    },
    content: decoded.content,
    verifiable: {
      header: size === undefined ? decoded.header : decoded.header.set("Content-Length", String(size)),
      trailersPossible: decoded.trailersPossible,
      content: "whole",
      expected: payload.kind === "hashed" ? new Map([["sha-256", payload.sha256]]) : undefined,
      judge: (verdict) => judge(verdict, acceptsUnverified),
    },
  };
}

function judge(verdict: Verdict, acceptsUnverified: boolean): void {
  if (verdict.name === "verified" || (acceptsUnverified && verdict.name === "unverified")) return;
  throw verdictS3Error(verdict);
}

/** Reads content that has no bytes to its end, to judge it by what comes after it. */
async function judgeEmptyContent(
  exchange: InboundExchange,
  content: ContentSource | undefined,
  verifiable: VerifiableMessage,
): Promise<void> {
  if (content === undefined) return judgeNoContent(verifiable);
  const begin = (): void => {
    if (exchange.request.expectsContinue) exchange.interim(100, FieldLines.empty);
  };
  const verification = new Verification(verifiable, "enforce").stream(() => content.trailers);
  await pipeline(new InboundContent(content, begin), verification.resume());
}

/** The query without the parameters of a presigned URL: the signature is in the header now. */
function withoutSignature(query: string | undefined): string | undefined {
  if (query === undefined) return undefined;
  const others = query.split("&").filter((member) => !OF_SIGNATURE.test(decodeURIComponent(member.split("=", 1)[0]!)));
  return others.length === 0 ? undefined : others.join("&");
}

const OF_SIGNATURE = /^X-Amz-(?:Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Content-Sha256)$/;

/** Signs a request that goes out, for the region that its client has signed for. */
function signAgain(out: OutboundRequest, credentials: S3Credentials, { payload, region }: Authenticated): void {
  const { path, query } = parseRequestTarget(out.target);
  const signed = {
    method: out.method,
    path,
    query: new S3Query(query).pairs,
    header: out.header,
    host: out.host ?? new URL(out.origin).host,
    payload: /^[0-9a-f]{64}$/i.test(payload) ? payload : "UNSIGNED-PAYLOAD",
  };
  out.header = signRequest(signed, credentials, { region });
}
