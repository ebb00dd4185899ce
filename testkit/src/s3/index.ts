export { fauxqs } from "./fauxqs.ts";
export { s3Environment, type S3Server } from "./s3-server.ts";
export { hasSwift, swift } from "./swift.ts";
export { type RequestToSign, s3Credentials, signedQuery, type SignedRequest, signedRequest } from "./signed-request.ts";
