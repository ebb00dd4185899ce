import type { ServerResponse } from "node:http";
import { pipeline, Readable } from "node:stream";

import { FieldLines, isTrailerName, TrailsumError, type TrailerPolicy, type VerifyingStream } from "@trailsum/shared";

import { connectionOptions } from "../hop-by-hop.ts";
import type { ContentSink, OriginResponse } from "./origin-response.ts";
import type { ProxyResponse, ResponseFraming } from "./proxy-response.ts";

/** How content goes from the origin to the client. */
export interface RelayOptions {
  readonly framing: ResponseFraming;
  readonly policy: TrailerPolicy;
  /** Made for the response's content, where it is to be verified on the way. */
  readonly verification: ((trailers: () => FieldLines) => VerifyingStream) | undefined;
}

/**
 * Relays the content of a response and, behind it, its trailers, as fast as the client takes it. Settles when all of it
 * has been handed over, and rejects when it broke off: the response has then no end, and must be given none.
 */
export function relayContent(
  response: OriginResponse,
  res: ServerResponse,
  outgoing: ProxyResponse,
  options: RelayOptions,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const finish = (trailers: FieldLines): void => {
    try {
      endWithTrailers(res, response, outgoing, { ...options, trailers });
      resolve();
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  };
  if (options.verification === undefined && outgoing.transform === undefined) {
    const sink = directSink(response, res, { finish, reject });
    response.consume(sink);
    // What has come by now goes out with the head in one write. If nothing has, the head goes alone: it never waits.
    if (!res.writableEnded && res.writableLength === 0) res.flushHeaders();
  } else {
    throughStreams(response, res, { outgoing, options, finish, reject });
    // Of empty content the head is the whole: it waits for the verdict.
    if (options.framing.length !== "0") res.flushHeaders();
  }
  return promise;
}

interface Outcome {
  readonly finish: (trailers: FieldLines) => void;
  readonly reject: (error: Error) => void;
}

/** From one socket to the other with nothing in between. */
function directSink(response: OriginResponse, res: ServerResponse, { finish, reject }: Outcome): ContentSink {
  let blocked = false;
  const resume = (): void => {
    blocked = false;
    response.resume();
  };
  return {
    onContent(piece) {
      if (res.write(piece)) return true;
      if (!blocked) {
        blocked = true;
        res.once("drain", resume);
      }
      return false;
    },
    onEnd: finish,
    onError: reject,
  };
}

/** Through what looks at the content, or changes it. */
function throughStreams(
  response: OriginResponse,
  res: ServerResponse,
  { outgoing, options, finish, reject }: Outcome & { outgoing: ProxyResponse; options: RelayOptions },
): void {
  let trailers = FieldLines.empty;
  const source = readable(response, (received) => {
    trailers = received;
  });
  const stages = [source, options.verification?.(() => trailers), outgoing.transform].filter(
    (stage) => stage !== undefined,
  );
  const last = stages.at(-1)!;
  // The origin may have sent all by now: then nothing else would end the waiting for a client that is gone.
  const onGone = (): void => void last.destroy(new TrailsumError("ABORTED", "the client went away"));
  res.once("close", onGone);
  pipeline(stages as [Readable, NodeJS.ReadWriteStream], (error) => {
    res.off("close", onGone);
    if (error) reject(error);
  });
  last.on("data", (piece: Buffer) => {
    if (res.write(piece)) return;
    last.pause();
    res.once("drain", () => last.resume());
  });
  last.on("end", () => finish(trailers));
}

/** A response's content as a stream. */
function readable(response: OriginResponse, onTrailers: (trailers: FieldLines) => void): Readable {
  let begun = false;
  return new Readable({
    read() {
      if (begun) {
        response.resume();
        return;
      }
      begun = true;
      response.consume({
        onContent: (piece) => this.push(piece),
        onEnd: (trailers) => {
          onTrailers(trailers);
          this.push(null);
        },
        onError: (error) => this.destroy(error),
      });
    },
    destroy(error, done) {
      response.abandon(error ?? new TrailsumError("ABORTED", "the content was abandoned before its end"));
      done(error);
    },
  });
}

/** The trailer section is never longer than allowed: one that is breaks the response off. */
function endWithTrailers(
  res: ServerResponse,
  response: OriginResponse,
  outgoing: ProxyResponse,
  { framing, policy, trailers }: RelayOptions & { readonly trailers: FieldLines },
): void {
  const { header } = response;
  const passed =
    trailers.length === 0
      ? trailers
      : policy.filter(trailers, { declared: header.list("Trailer"), hopByHop: connectionOptions(header) });
  if (framing.chunked) {
    const changed = outgoing.trailers?.(passed) ?? passed;
    // What a hook adds is held to the same rule.
    const sent = [...changed].filter(([name]) => isTrailerName(name));
    if (sent.length > 0) res.addTrailers(sent.map(([name, value]): [string, string] => [name, value]));
  }
  res.end();
}
