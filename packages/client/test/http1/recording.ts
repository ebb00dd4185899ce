import type { Dispatcher } from "undici";

import type { TrailerDispatchOptions } from "../../src/index.ts";

/** The events of one exchange. */
export interface Recording {
  readonly interims: number[];
  status: number | undefined;
  reason: string;
  readonly pieces: Buffer[];
  /** The raw trailers; undefined when no clean end was reported. */
  trailers: readonly string[] | undefined;
  error: (Error & { code?: string }) | undefined;
  /** How often an end, clean or not, was reported: once, or there is a bug. */
  ends: number;
}

/** An exchange under way. */
export interface Recorded {
  readonly recording: Recording;
  readonly controller: Dispatcher.DispatchController;
  /** Settles with the head of the final response, or the end without one. */
  readonly answered: Promise<Recording>;
  /** Settles with the end, clean or not. */
  readonly ended: Promise<Recording>;
}

export type RecordOptions = Partial<TrailerDispatchOptions> & {
  /** Called with each piece of content. */
  readonly onData?: (controller: Dispatcher.DispatchController, content: Buffer) => void;
  /** Called with each piece of the body that was handed to the socket. */
  readonly onSent?: (piece: Uint8Array) => void;
  /** Called with the final head. */
  readonly onHead?: (controller: Dispatcher.DispatchController) => void;
};

/** Dispatches a request, GET / by default, and records all events of its handler. */
export function record(
  agent: Dispatcher,
  origin: string,
  { onData, onHead, onSent, ...options }: RecordOptions = {},
): Recorded {
  const recording: Recording = {
    interims: [],
    status: undefined,
    reason: "",
    pieces: [],
    trailers: undefined,
    error: undefined,
    ends: 0,
  };
  const answered = Promise.withResolvers<Recording>();
  const ended = Promise.withResolvers<Recording>();
  const end = (): void => {
    recording.ends += 1;
    answered.resolve(recording);
    ended.resolve(recording);
  };
  let begun: Dispatcher.DispatchController | undefined;
  agent.dispatch({ origin, path: "/", method: "GET", ...options } as Dispatcher.DispatchOptions, {
    onRequestStart(controller) {
      begun = controller;
    },
    onBodySent(piece: Uint8Array) {
      onSent?.(piece);
    },
    onResponseStart(controller, status, _headers, reason) {
      if (status < 200) {
        recording.interims.push(status);
        return;
      }
      recording.status = status;
      recording.reason = reason ?? "";
      onHead?.(controller);
      answered.resolve(recording);
    },
    onResponseData(controller, piece) {
      recording.pieces.push(Buffer.from(piece));
      onData?.(controller, piece);
    },
    onResponseEnd(controller) {
      recording.trailers = [...((controller.rawTrailers ?? []) as readonly string[])];
      end();
    },
    onResponseError(_controller, error) {
      recording.error = error;
      end();
    },
  });
  return { recording, controller: begun!, answered: answered.promise, ended: ended.promise };
}

/** The content that was reported, latin1. */
export function content({ pieces }: Recording): string {
  return Buffer.concat(pieces).toString("latin1");
}
