import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { type HostileAnswer, hostileHttp2Servers } from "@trailsum/testkit";
import { expect, onTestFinished } from "vitest";

import { PlainClient } from "./plain-client.ts";

interface Reply {
  readonly id: number;
  readonly answer?: HostileAnswer;
  readonly error?: string;
}

hostileHttp2Servers("the core", {
  failure: expect.any(Error) as unknown,

  create(origin) {
    const client = new PlainClient(origin);
    onTestFinished(() => client.destroy());
    return Promise.resolve(client.get);
  },

  spawn(origin) {
    const execArgv = ["--max-semi-space-size=4"];
    const child = fork(join(import.meta.dirname, "client-program.ts"), [origin], { execArgv });
    onTestFinished(async () => {
      child.disconnect();
      await once(child, "exit");
    });
    let asked = 0;
    const get = (path: string): Promise<HostileAnswer> =>
      new Promise((resolve, reject) => {
        const id = (asked += 1);
        const onReply = ({ id: of, answer, error }: Reply): void => {
          if (of !== id) return;
          child.off("message", onReply);
          if (answer === undefined) reject(new Error(error));
          else resolve(answer);
        };
        child.on("message", onReply);
        child.send({ id, path });
      });
    return Promise.resolve({ get, pid: child.pid! });
  },
});
