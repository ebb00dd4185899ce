import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import {
  connectionPreface,
  dataFrame,
  type Http2Frame,
  pingFrame,
  settings as settingIds,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "@trailsum/testkit/http2-frames";

import { BLOCK } from "./exchange.ts";
import { FrameTemplate } from "./frame-template.ts";
import { Http2Reader } from "./http2-reader.ts";
import type { Http2Sender } from "./http2-senders.ts";
import type { Lane, LaneEvents } from "./lane.ts";

const FRAME = 16 * 1024;
const AT_ONCE = 16;
const content = new FrameTemplate(...Array.from({ length: AT_ONCE }, () => dataFrame(0, BLOCK.subarray(0, FRAME))));

/** The largest window that there is, and the initial size of a window (RFC 9113, section 6.9.2). */
export const WINDOW: number = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;

/** One of the streams that are open at a time on a connection. */
class Http2Lane implements Lane {
  events: LaneEvents | undefined;
  due = 0;
  /** What is left to send of the request that is under way, and how much of it may be sent. */
  left = 0;
  window = 0;
  readonly #connection: Http2Connection;

  constructor(connection: Http2Connection) {
    this.#connection = connection;
    connection.lanes += 1;
  }

  ask(): void {
    this.#connection.ask(this);
  }

  close(): void {
    this.#connection.lanes -= 1;
    if (this.#connection.lanes === 0) this.#connection.close();
  }
}

/** So many lanes, which share connections of so many each. */
export function http2Lanes(
  target: { readonly port: number; readonly tls: boolean },
  sender: Http2Sender,
  count: number,
  perConnection: number,
): Lane[] {
  let connection = new Http2Connection(target, sender);
  return Array.from({ length: count }, (_, number) => {
    if (number > 0 && number % perConnection === 0) connection = new Http2Connection(target, sender);
    return new Http2Lane(connection);
  });
}

/** A connection on which several requests are under way at a time. When the other side closes it, it is made anew. */
class Http2Connection {
  /** How many share it. */
  lanes = 0;
  readonly #target: { readonly port: number; readonly tls: boolean };
  readonly #sender: Http2Sender;
  #socket: Socket | undefined;
  #underWay = new Map<number, Http2Lane>();
  #nextId = 1;
  #window = DEFAULT_WINDOW;
  #streamWindow = DEFAULT_WINDOW;
  #taken = 0;

  constructor(target: { readonly port: number; readonly tls: boolean }, sender: Http2Sender) {
    this.#target = target;
    this.#sender = sender;
  }

  ask(lane: Http2Lane): void {
    const socket = (this.#socket ??= this.#open());
    const id = this.#nextId;
    this.#nextId += 2;
    this.#underWay.set(id, lane);
    socket.write((id === 1 ? this.#sender.first : this.#sender.next).on(id));
    if (this.#sender.rest === undefined) return;
    lane.left = this.#sender.rest.size;
    lane.window = this.#streamWindow;
    this.#sendRest(id, lane);
  }

  close(): void {
    const socket = this.#socket;
    this.#leave();
    socket?.destroy();
  }

  /** Gives all lanes up that are under way, and what was agreed on. */
  #leave(): Map<number, Http2Lane> {
    const underWay = this.#underWay;
    this.#socket = undefined;
    this.#underWay = new Map();
    this.#nextId = 1;
    this.#window = DEFAULT_WINDOW;
    this.#streamWindow = DEFAULT_WINDOW;
    return underWay;
  }

  #sendRest(id: number, lane: Http2Lane): void {
    const { end } = this.#sender.rest!;
    const socket = this.#socket!;
    while (lane.left > 0) {
      const frames = Math.min(Math.floor(Math.min(this.#window, lane.window, lane.left) / FRAME), AT_ONCE);
      // More follows when more is let through.
      if (frames === 0 || socket.writableNeedDrain) return;
      socket.write(content.on(id, frames));
      this.#window -= frames * FRAME;
      lane.window -= frames * FRAME;
      lane.left -= frames * FRAME;
      if (lane.left === 0) socket.write(end.on(id));
    }
  }

  #sendAllRest(): void {
    if (this.#sender.rest === undefined) return;
    for (const [id, lane] of this.#underWay) this.#sendRest(id, lane);
  }

  #open(): Socket {
    const { port, tls } = this.#target;
    const options = { port, host: "127.0.0.1", noDelay: true };
    const socket = tls
      ? connectTls({ ...options, ALPNProtocols: ["h2"], rejectUnauthorized: false })
      : connect(options);
    const reader = new Http2Reader({
      message: (id, message) => {
        const lane = this.#underWay.get(id);
        this.#underWay.delete(id);
        lane?.events?.answered(message);
      },
      control: (frame) => this.#onControl(frame),
      content: (bytes) => {
        this.#taken += bytes;
        if (this.#taken < WINDOW / 2) return;
        socket.write(windowUpdateFrame(0, this.#taken));
        this.#taken = 0;
      },
    });
    let reason = "closed";
    socket.on("data", (piece: Buffer) => {
      if (this.#socket !== socket) return;
      // What is asked because of these answers goes in one piece.
      socket.cork();
      reader.read(piece);
      socket.uncork();
    });
    socket.on("drain", () => this.#sendAllRest());
    socket.on("error", (error) => {
      reason = error.message;
    });
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      for (const lane of this.#leave().values()) lane.events?.broke(reason);
    });
    socket.write(connectionPreface);
    socket.write(settingsFrame({ INITIAL_WINDOW_SIZE: WINDOW, ENABLE_PUSH: 0 }));
    socket.write(windowUpdateFrame(0, WINDOW - DEFAULT_WINDOW));
    return socket;
  }

  #onControl(frame: Http2Frame): void {
    const socket = this.#socket!;
    if (frame.type === "SETTINGS" && !frame.ack) {
      for (const [id, value] of frame.settings ?? []) {
        if (id !== settingIds.INITIAL_WINDOW_SIZE) continue;
        for (const lane of this.#underWay.values()) lane.window += value - this.#streamWindow;
        this.#streamWindow = value;
      }
      socket.write(settingsAckFrame());
      this.#sendAllRest();
    } else if (frame.type === "PING" && !frame.ack) {
      socket.write(pingFrame(frame.body, { ack: true }));
    } else if (frame.type === "WINDOW_UPDATE") {
      const lane = this.#underWay.get(frame.streamId);
      if (frame.streamId === 0) this.#window += frame.increment ?? 0;
      else if (lane !== undefined) lane.window += frame.increment ?? 0;
      this.#sendAllRest();
    } else if (frame.type === "RST_STREAM") {
      const lane = this.#underWay.get(frame.streamId);
      this.#underWay.delete(frame.streamId);
      lane?.events?.broke(`reset with ${frame.errorCode}`);
    } else if (frame.type === "GOAWAY") this.#onGoaway(frame);
  }

  /** What was not begun with is asked again elsewhere. Nothing else is waited for: it is aborted too. */
  #onGoaway({ lastStreamId = 0, errorCode = 0 }: Http2Frame): void {
    const socket = this.#socket!;
    const underWay = [...this.#leave()];
    socket.destroy();
    for (const [id, lane] of underWay) {
      if (id > lastStreamId) this.ask(lane);
      else lane.events?.broke(`sent away with ${errorCode}`);
    }
  }
}
