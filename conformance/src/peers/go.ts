import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { buildGo, goToolchain } from "@trailsum/testkit/go";

import { combinations, HTTP1 } from "../combination.ts";
import type { Peer } from "./peer.ts";

/** httputil.ReverseProxy of whatever Go there is. */
export const go: Peer = {
  name: "Go ReverseProxy",
  combinations,
  overTls: true,
  install: "apt-get install golang-1.19-go",
  async version() {
    const toolchain = await goToolchain();
    if (toolchain === undefined) return undefined;
    const { stdout } = await promisify(execFile)(toolchain, ["version"]);
    return /go(\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1];
  },
  async command({ port, originPort, timeout, keep, combination: { client, origin } = HTTP1, tls, secure = tls }) {
    const program = await buildGo(join(import.meta.dirname, "../../peers/reverse-proxy.go"));
    const settings = [port, originPort, timeout, keep ?? 0].map(String);
    return [program, ...settings, client, origin, ...(secure === undefined ? [] : [secure.certFile, secure.keyFile])];
  },
};
