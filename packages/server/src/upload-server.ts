import {
  cannotListen,
  type ClientLimitOptions,
  createListener,
  inboundTimeouts,
  listenAddress,
  type Listener,
  type Listening,
  type ListenOptions,
} from "@trailsum/http/inbound";
import { TrailsumError } from "@trailsum/shared";

import { createS3Resource, type S3AccessOptions } from "./s3/s3-resource.ts";
import { createUploadResource, type UploadHandlerOptions } from "./upload-resource.ts";

/** Options of {@link createUploadServer}. */
export interface UploadServerOptions extends UploadHandlerOptions, ClientLimitOptions {
  /** Where to listen. Default: 127.0.0.1, reachable from this machine alone, and port 8080; port 0 picks a free one. */
  readonly listen?: ListenOptions | undefined;
  /**
   * Speaks S3 as {@link createS3Handler} does, in place of the upload resource: `authorize`, `listing`, `cors` and
   * `trustForwarded` have no meaning then, and `signatureKeys` and `receiptKey` are refused with `USAGE`.
   * @default the upload resource
   */
  readonly s3?: S3AccessOptions | undefined;
  /** A certificate chain and its key, both PEM: enables TLS, and disables cleartext. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer } | undefined;
}

/** A server with an upload handler. */
export interface UploadServer {
  /** Starts to listen. Rejects with `USAGE` if the address or the certificate cannot be used. */
  listen(): Promise<Listening>;
  /**
   * Uses another certificate for connections that are accepted from now on; those that are open keep theirs. Throws `USAGE` for a
   * certificate and key that cannot be used, without `tls` in the options, and before {@link listen}: nothing changes then.
   */
  renewCertificate(tls: NonNullable<UploadServerOptions["tls"]>): void;
  /**
   * Stops: no new connection, no new request on the open ones. Running transfers may finish within `graceMs`
   * milliseconds (default 10 000); what runs longer is aborted. Resolves when everything is closed and cleaned up.
   */
  close(options?: { readonly graceMs?: number | undefined }): Promise<void>;
}

/**
 * A ready server for uploads and downloads. It speaks HTTP/1.1 and HTTP/2 on one port: over TLS as the client chooses by
 * ALPN, and in cleartext HTTP/2 with prior knowledge.
 *
 * @example
 * ```ts
 * import { createMemoryStore, createUploadServer } from "@trailsum/server";
 *
 * const server = createUploadServer({ store: createMemoryStore(), listen: { port: 0 } });
 * const { url } = await server.listen();
 * await server.close({ graceMs: 1_000 });
 * ```
 */
export function createUploadServer(options: UploadServerOptions): UploadServer {
  const { tls, logger } = options;
  const address = listenAddress(options.listen, 8080);
  // An upload may take any time as long as bytes arrive.
  const timeouts = inboundTimeouts(options, 60_000);
  const { s3, signatureKeys, receiptKey } = options;
  if (s3 !== undefined && (signatureKeys !== undefined || receiptKey !== undefined))
    throw new TrailsumError(
      "USAGE",
      "S3 has signatures of its own: signatureKeys and receiptKey cannot be used with s3",
    );
  const answer = s3 === undefined ? createUploadResource(options) : createS3Resource({ ...options, ...s3 });
  const answers = new Set<Promise<void>>();
  let listener: Listener | undefined;

  return {
    async listen() {
      try {
        listener = createListener({
          handle(exchange) {
            const answered = answer(exchange).finally(() => answers.delete(answered));
            answers.add(answered);
            return answered;
          },
          tls,
          limits: LIMITS,
          timeouts,
          connectionWindow: CONNECTION_WINDOW,
          // Shell scripts send a request and end their side: printf ... | nc host port.
          answersHalfClosed: true,
          // A connection that cannot be accepted, for want of descriptors, say, is that connection's loss alone.
          onError: (error) => logger?.error(`cannot accept a connection: ${error.message}`, error),
        });
        return await listener.listen(address);
      } catch (error) {
        throw cannotListen(address, error);
      }
    },

    renewCertificate(renewed) {
      if (listener === undefined) throw new TrailsumError("USAGE", "the server does not listen yet");
      listener.renewCertificate(renewed);
    },

    async close({ graceMs = 10_000 } = {}) {
      await listener?.close(graceMs);
      // Every partial upload is cleaned up then.
      await Promise.all(answers);
    },
  };
}

/** Bytes, and field lines. */
const LIMITS = { maxHeaderSize: 16_384, maxFields: 1_000, maxTrailerSize: 16_384 };

/** What a client may have under way on all streams of a connection together. Bytes. */
const CONNECTION_WINDOW = 4 * 1024 * 1024;
