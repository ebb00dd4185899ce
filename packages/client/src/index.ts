export { TrailerAgent, type TrailerAgentOptions } from "./dispatcher/trailer-agent.ts";
export type { ConnectOptions } from "./dispatcher/connector.ts";
export type { TrailerDispatchOptions } from "./dispatcher/outgoing-request.ts";
export type { FieldsInit } from "./dispatcher/request-fields.ts";
export type { TrailersInit } from "./dispatcher/request-trailers.ts";

export { upload, type UploadOptions, type UploadResult } from "./upload/upload.ts";
export type { UploadSource } from "./upload/upload-source.ts";
export { download, type DownloadOptions, type DownloadResult } from "./download/download.ts";
export type { DownloadDestination } from "./download/download-destination.ts";
export { type Checksum } from "./transfer/checksum.ts";
export { createRateLimit, type RateLimit } from "./transfer/rate-limit.ts";
export type { Progress } from "./transfer/progress.ts";
export { targetUrl } from "./transfer/target-url.ts";
export { type VerifiedResponse, verifyResponse, type VerifyResponseOptions } from "./download/verify-response.ts";
export { transportError } from "./transfer/transport-error.ts";
export { isConnectFailure } from "./dispatcher/connector.ts";
export { streamResetCode } from "./dispatcher/http2-error.ts";
