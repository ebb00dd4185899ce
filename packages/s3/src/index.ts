export {
  authenticate,
  type Authenticated,
  type RequestToAuthenticate,
  type S3Credentials,
} from "./sigv4/authenticate.ts";
export { type RequestToSign, signRequest } from "./sigv4/sign-request.ts";
export { decodeComponent, encodePath } from "./sigv4/uri-encoding.ts";
export type { Signer } from "./sigv4/signing-key.ts";
export { type DecodedContent, decodedContent, type FramedContent, withoutAwsChunked } from "./decoded-content.ts";
export { parsePayload, type Payload } from "./payload.ts";
export {
  checksumAlgorithms,
  checksumElement,
  checksumField,
  checksumFields,
  checksumName,
  type DeclaredChecksum,
  declaredChecksum,
  parseChecksumName,
} from "./checksums.ts";
export { S3Error, type S3ErrorCode, s3ErrorOf } from "./s3-errors.ts";
export { verdictS3Error } from "./verdict-error.ts";
export { errorDocument } from "./error-document.ts";
export { S3Query } from "./s3-query.ts";
export { element, text, type Xml, xmlDeclaration, xmlDocument } from "./xml-writer.ts";
