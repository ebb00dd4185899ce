import { subscribe } from "node:diagnostics_channel";

import { visibleText } from "./visible-text.ts";

/** What the dispatcher publishes of a frame. */
interface PublishedFrame {
  /** What identifies a connection. */
  readonly socket: object;
  readonly direction: "sent" | "received";
  readonly frame: {
    readonly type: string;
    readonly streamId: number;
    readonly length: number;
    readonly flags: readonly string[];
    readonly detail: string;
  };
}

/** Writes a line for every frame of HTTP/2: `connection 1 > HEADERS, stream 1, 120 bytes, END_HEADERS`. */
export function traceFrames(write: (line: string) => void): void {
  const connections = new WeakMap<object, number>();
  let count = 0;
  const numberOf = (socket: object): number => {
    const number = connections.get(socket) ?? (count += 1);
    connections.set(socket, number);
    return number;
  };
  subscribe("trailsum:http2:frame", (message) => {
    const { socket, direction, frame } = message as PublishedFrame;
    const { type, streamId, length, flags, detail } = frame;
    const parts = [type, ...(streamId === 0 ? [] : [`stream ${streamId}`]), `${length} bytes`, ...flags];
    const text = [...parts, ...(detail === "" ? [] : [detail])].join(", ");
    write(`connection ${numberOf(socket)} ${direction === "sent" ? ">" : "<"} ${visibleText(text)}\n`);
  });
}
