import { rawClient } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

import { createMemoryStore, createUploadServer, type Store, type UploadServerOptions } from "../../src/index.ts";
import { type Answer, answerOf, handle, readResponse, request } from "../peer.ts";

/** A server with upload resources, and a way to send it requests. */
export interface Serving {
  readonly port: number;
  readonly store: Store;
  /** Sends one request and reads its final response, past interim ones. */
  readonly send: (line: string, fields?: readonly string[], body?: string | Buffer) => Promise<Exchanged>;
}

/** A final response, and the interim ones before it. */
interface Exchanged extends Answer {
  readonly interim: readonly Answer[];
}

/** What every server of this package is tried as: our own, and mounted in one of Node's. */
export const servers = ["our server", "node:http"] as const;

/** Starts a server. */
export async function serve(
  kind: (typeof servers)[number] = "our server",
  options: Partial<UploadServerOptions> = {},
): Promise<Serving> {
  const store = options.store ?? createMemoryStore();
  const port =
    kind === "our server" ? await ownServer({ ...options, store }) : (await handle({ ...options, store })).port;
  return {
    port,
    store,
    async send(line, fields = [], body = "") {
      const connection = await rawClient(port);
      const length = Buffer.byteLength(body) > 0 && !fields.some((field) => /^transfer-encoding/i.test(field));
      void connection.write(
        request(line, length ? [`Content-Length: ${Buffer.byteLength(body)}`, ...fields] : fields, body),
      );
      const interim: Answer[] = [];
      for (;;) {
        const message = await readResponse(connection, { head: line.startsWith("HEAD") });
        const answer = answerOf(message);
        if (answer.status >= 200) {
          connection.destroy();
          return Object.assign(answer, { interim });
        }
        interim.push(answer);
      }
    },
  };
}

async function ownServer(options: UploadServerOptions): Promise<number> {
  const server = createUploadServer({ ...options, listen: { port: 0 } });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return (await server.listen()).port;
}
