import {
  type CallOptions,
  type ClientDuplexStream,
  Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  compressionAlgorithms,
  credentials,
  Metadata,
  type status,
  type StatusObject,
} from "@grpc/grpc-js";

import { type GrpcMethod, grpcMethods } from "./grpc-service.ts";

/** All that came of a call. */
export interface GrpcOutcome {
  readonly code: status;
  readonly details: string;
  readonly messages: readonly Buffer[];
  /** `undefined` where there was none: the status came in the head of the response. */
  readonly initial: Metadata | undefined;
  readonly trailing: Metadata;
}

/** A call that has begun. */
export interface GrpcCall<Stream> {
  readonly stream: Stream;
  /** What has come so far. */
  readonly messages: readonly Buffer[];
  /** Settles at its end, whatever that is; never rejects. */
  readonly outcome: Promise<GrpcOutcome>;
}

/** What goes along with a call. */
export interface GrpcCallOptions extends CallOptions {
  /** Names and values; one name may come several times. */
  readonly metadata?: readonly (readonly [name: string, value: string | Buffer])[];
}

/** Settings of a {@link GrpcClient}. */
export interface GrpcClientOptions {
  /** The certificate that is trusted over TLS, PEM. */
  readonly ca?: string | undefined;
  /** Whether messages are sent compressed. Default: they are not. */
  readonly gzip?: boolean | undefined;
}

/** A client of the service in `grpc-service.ts`, with one connection of its own. */
export class GrpcClient {
  readonly #client: Client;

  /** `origin` is `http://host:port` or `https://host:port`. */
  constructor(origin: string, { ca, gzip = false }: GrpcClientOptions = {}) {
    const { host, protocol } = new URL(origin);
    this.#client = new Client(
      host,
      protocol === "https:" ? credentials.createSsl(Buffer.from(ca ?? "")) : credentials.createInsecure(),
      {
        "grpc.default_compression_algorithm": gzip ? compressionAlgorithms.gzip : compressionAlgorithms.identity,
        // What is seen is the outcome of the one call, over a connection that no one else uses, and not by way of the environment.
        "grpc.enable_http_proxy": 0,
        "grpc.enable_retries": 0,
        "grpc.max_receive_message_length": -1,
        // The name in the certificate. Node warns of an address.
        "grpc.ssl_target_name_override": "localhost",
        "grpc.use_local_subchannel_pool": 1,
      },
    );
  }

  /** One message there, one back. */
  unary(name: GrpcMethod, message: Buffer, options: GrpcCallOptions = {}): GrpcCall<ClientUnaryCall> {
    const { path, requestSerialize, responseDeserialize } = grpcMethods[name];
    const messages: Buffer[] = [];
    const stream = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadataOf(options),
      options,
      (_error, answer) => answer !== undefined && messages.push(answer),
    );
    return called(stream, messages);
  }

  /** One message there, any number back. */
  serverStream(
    name: GrpcMethod,
    message: Buffer,
    options: GrpcCallOptions = {},
  ): GrpcCall<ClientReadableStream<Buffer>> {
    const { path, requestSerialize, responseDeserialize } = grpcMethods[name];
    const metadata = metadataOf(options);
    return reading(
      this.#client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, message, metadata, options),
    );
  }

  /** Any number of messages there, one back. */
  clientStream(name: GrpcMethod, options: GrpcCallOptions = {}): GrpcCall<ClientWritableStream<Buffer>> {
    const { path, requestSerialize, responseDeserialize } = grpcMethods[name];
    const messages: Buffer[] = [];
    const stream = this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadataOf(options),
      options,
      (_error, answer) => answer !== undefined && messages.push(answer),
    );
    return called(stream, messages);
  }

  /** Any number of messages both ways. */
  bidi(name: GrpcMethod, options: GrpcCallOptions = {}): GrpcCall<ClientDuplexStream<Buffer, Buffer>> {
    const { path, requestSerialize, responseDeserialize } = grpcMethods[name];
    return reading(
      this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadataOf(options), options),
    );
  }

  close(): void {
    this.#client.close();
  }
}

function metadataOf({ metadata = [] }: GrpcCallOptions): Metadata {
  const all = new Metadata();
  for (const [name, value] of metadata) all.add(name, value);
  return all;
}

function reading<Stream extends ClientReadableStream<Buffer>>(stream: Stream): GrpcCall<Stream> {
  const messages: Buffer[] = [];
  stream.on("data", (message: Buffer) => messages.push(message));
  return called(stream, messages);
}

function called<Stream extends ClientUnaryCall>(stream: Stream, messages: Buffer[]): GrpcCall<Stream> {
  let initial: Metadata | undefined;
  stream.on("metadata", (metadata: Metadata) => (initial = metadata));
  // The status reports it too.
  stream.on("error", () => {});
  const outcome = new Promise<GrpcOutcome>((resolve) => {
    stream.on("status", ({ code, details, metadata }: StatusObject) =>
      resolve({ code, details, messages, initial, trailing: metadata }),
    );
  });
  return { stream, messages, outcome };
}
