export type { NodeRequest, NodeResponse } from "./node-message.ts";
export {
  type VerificationPolicy,
  type VerifiedRequest,
  verifyRequest,
  type VerifyRequestOptions,
} from "./verify-request.ts";
export { type ContentSource, sendVerified, type SendVerifiedOptions } from "./response/send-verified.ts";

export { type AccessDecision, type AccessRequest, anyAuthorization, type Authorize } from "./access/authorize.ts";
export {
  basicAuthorization,
  type BasicAuthorizationOptions,
  type BasicCredentials,
  bearerAuthorization,
  type BearerAuthorizationOptions,
  parseCredentials,
  type PasswordCheck,
  plainPasswords,
} from "./access/credentials.ts";
export { hashedPasswords } from "./access/hashed-passwords.ts";
export { hashPassword } from "./access/password-hash.ts";

export type { Listing, ListingEntry } from "./listing/listing-json.ts";
export { createUploadHandler, type UploadHandler } from "./upload-handler.ts";
export type { ExchangeHook, ExchangeHooks } from "./exchange-hooks.ts";
export type { DeliveryMode, ExchangeRecord } from "@trailsum/shared";
export type { TrustForwarded } from "./access/client-address.ts";
export type { AllowedOrigins } from "./access/cors.ts";
export { createS3Handler, type S3Handler } from "./s3/s3-handler.ts";
export type { S3AccessOptions, S3HandlerOptions } from "./s3/s3-resource.ts";
export type { S3Credentials } from "@trailsum/s3";
export type { UploadHandlerOptions, UploadLogger } from "./upload-resource.ts";
export type { Receipt } from "@trailsum/shared";
export type { Listening, ListenOptions } from "@trailsum/http/inbound";
export { createUploadServer, type UploadServer, type UploadServerOptions } from "./upload-server.ts";

export type {
  CommitCondition,
  Committed,
  CommitOptions,
  ListEntry,
  ListOptions,
  ObjectVersion,
  OpenOptions,
  ReadOptions,
  StagedObject,
  StageOptions,
  Store,
  StoredObject,
} from "./stores/store.ts";
export type {
  CreateUploadOptions,
  StoredUpload,
  UploadAppend,
  UploadCommitOptions,
  UploadEntry,
  UploadStore,
  UploadTurn,
} from "./stores/upload-store.ts";
export { createDirectoryStore, type DirectoryStoreOptions } from "./stores/directory/directory-store.ts";
export { createMemoryStore, type MemoryStoreOptions } from "./stores/memory/memory-store.ts";
export { type StoredFile, storedFiles } from "./stores/directory/stored-files.ts";
