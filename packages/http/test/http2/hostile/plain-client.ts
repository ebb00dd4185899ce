import { connect, type Socket } from "node:net";

import type { Get } from "@trailsum/testkit";

import { ClientSession } from "../../../src/http2/index.ts";
import { ask, RecordingSession, type RecordingStream } from "../session/events.ts";
import { onSocket } from "../session/on-socket.ts";

/** Milliseconds that an answer may take. */
const TIMEOUT = 500;

/** A client of the core, in the plainest way: one connection as long as it lasts, another when that was stale. */
export class PlainClient {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #session: ClientSession | undefined;

  constructor(origin: string) {
    this.#port = Number(new URL(origin).port);
  }

  readonly get: Get = async (path) => {
    const reused = this.#session?.canRequest === true;
    const { seen } = await this.#ask(path);
    // A connection that had gone stale: no one has seen the request.
    if (reused && seen.events.length === 1 && seen.reset?.by === "connection") return this.get(path);
    if (!seen.ended || (seen.reset !== undefined && seen.reset.code !== 0)) {
      throw new Error(seen.reset?.reason ?? "no answer");
    }
    if (seen.response!.status > 299) throw new Error(`the answer is ${seen.response!.status}`);
    const lines = [seen.response!.fields.raw, seen.trailers?.raw];
    return { content: seen.content, fields: JSON.stringify(lines) };
  };

  async #ask(path: string): Promise<RecordingStream> {
    const session = this.#usable();
    const call = ask(session, { path });
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      call.stream!.reset();
      // Nothing has come at all: the connection is of no use.
      if (session.remoteSettings === undefined) session.close();
      late.resolve();
    }, TIMEOUT);
    await Promise.race([call.over, late.promise]);
    clearTimeout(timer);
    return call;
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #usable(): ClientSession {
    if (this.#session?.canRequest === true) return this.#session;
    if (this.#session !== undefined && this.#session.streamCount === 0) this.#session.shutdown();
    const recording = new RecordingSession();
    const session = new ClientSession(recording);
    const socket = connect(this.#port, "127.0.0.1");
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    onSocket(session, recording, socket);
    session.start();
    this.#session = session;
    return session;
  }
}
