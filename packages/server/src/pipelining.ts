import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

import type { NodeResponse } from "./node-message.ts";

/**
 * Waits until the responses to all earlier requests of the connection have been sent (RFC 9112 section 9.3.2); undefined
 * where no earlier one is under way. `node:http` emits a request as soon as it has parsed it, and a response that is
 * written before its turn is buffered as a whole. It also settles when the connection is closed: the response is
 * destroyed then.
 */
export function responseTurn(res: NodeResponse): Promise<void> | undefined {
  if ("stream" in res || res.socket !== null || res.writableEnded) return undefined;
  const { socket } = res.req;
  if (res.destroyed || socket.destroyed) return undefined;
  let pipeline = pipelines.get(socket);
  if (pipeline === undefined) {
    pipeline = new Pipeline(socket);
    pipelines.set(socket, pipeline);
  }
  return pipeline.wait(res);
}

const pipelines = new WeakMap<Socket, Pipeline>();

/**
 * The requests of one connection that wait for their turn. The socket is not read meanwhile: all content of the requests
 * before them has been parsed, and one read of the socket bounds how many can wait.
 */
class Pipeline {
  readonly #socket: Socket;
  #waiting = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Node resumes the socket when earlier responses drain.
    socket.on("resume", () => {
      if (this.#waiting > 0) socket.pause();
    });
  }

  wait(res: ServerResponse): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const settle = (): void => {
      res.off("socket", settle).off("close", settle);
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#socket.resume();
      resolve();
    };
    this.#waiting += 1;
    this.#socket.pause();
    res.on("socket", settle).on("close", settle);
    return promise;
  }
}
