import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { type FieldPairs, hostileHttp2Clients, listen } from "@trailsum/testkit";
import { onTestFinished } from "vitest";

import { plainServer } from "./plain-server.ts";

function request(method: string, path: string): FieldPairs {
  return [
    [":method", method],
    [":scheme", "http"],
    [":authority", "127.0.0.1"],
    [":path", path],
  ];
}

hostileHttp2Clients("the core", {
  put: (name) => ({
    fields: request("PUT", `/${encodeURIComponent(name)}`),
    content: "some content",
    trailers: [["x-md5", "abc"]],
  }),
  get: request("GET", "/get"),

  async listen() {
    const accepted: string[] = [];
    const { port } = await listen(plainServer((name) => accepted.push(name)));
    return { port, accepted: () => accepted };
  },

  async spawn() {
    // A young generation as small as the command's: what it holds is garbage, and not memory that is needed.
    const execArgv = ["--max-semi-space-size=4"];
    const child = fork(join(import.meta.dirname, "server-program.ts"), { execArgv });
    onTestFinished(async () => {
      child.disconnect();
      await once(child, "exit");
    });
    const [port] = (await once(child, "message")) as [number];
    return { port, pid: child.pid! };
  },
});
