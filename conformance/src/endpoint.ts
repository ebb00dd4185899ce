import type { Expected } from "./expectation.ts";
import type { Frame } from "./frames.ts";
import type { RequestMessage, ResponseMessage } from "./message.ts";
import type { Patience } from "./watch.ts";

/** What a side sends: a message by its meaning; or bytes of HTTP/1.1, or frames of HTTP/2, as they are. */
export type Sent = RequestMessage | ResponseMessage | string | readonly Frame[];

/**
 * One side of a case: what a script can do on it. Cases are about messages and what they mean, so that a side can be
 * played in any version of HTTP.
 */
export interface Endpoint {
  /** `cut` leaves so many bytes out at the end. */
  send(message: Sent, cut: number): void;
  /** The head of a message whose content and end follow by and by. */
  sendHead(message: RequestMessage | ResponseMessage): void;
  sendContent(piece: string): void;
  sendEnd(trailers: readonly string[]): void;
  see(expected: Expected, part: "head" | "whole"): Promise<void>;
  /** What the message that is coming in has as content begins like this. */
  seeContent(text: string): Promise<void>;
  seeBytes(text: string): Promise<void>;
  seeEnd(): Promise<void>;
  act(what: Act): void;
}

/**
 * `end`: no more from here. `reset`: the message is aborted, with the connection in HTTP/1.1, alone in HTTP/2.
 * `close`: the connection ends in an orderly way. `disconnect`: the connection breaks.
 */
export type Act = "end" | "reset" | "close" | "disconnect";

/** Whether it is frames of HTTP/2 that are sent. */
export function isFrames(sent: Sent): sent is readonly Frame[] {
  return Array.isArray(sent);
}

/** What the endpoints of a case have in common. */
export interface Scene {
  /** The case, as its requests name it. */
  readonly id: string;
  readonly patience: Patience;
  /** Whether the spelling of names can come through. */
  readonly spelled: boolean;
}

/** Text for a sentence about what went wrong. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 400 ? `${text.slice(0, 400)}…` : text);
}
