export { TrailerAgent, type TrailerAgentOptions } from "./trailer-agent.ts";
export type { ConnectOptions } from "./connector.ts";
export type { TrailerDispatchOptions } from "./outgoing-request.ts";
export type { FieldsInit } from "./request-fields.ts";
export type { TrailersInit } from "./request-trailers.ts";

export { upload, type UploadOptions, type UploadResult } from "./upload.ts";
export type { UploadSource } from "./upload-source.ts";
export { download, type DownloadOptions, type DownloadResult } from "./download.ts";
export type { DownloadDestination } from "./download-destination.ts";
export type { Progress } from "./progress.ts";
export { targetUrl } from "./target-url.ts";
export { type VerifiedResponse, verifyResponse, type VerifyResponseOptions } from "./verify-response.ts";
export { transportError } from "./transport-error.ts";
