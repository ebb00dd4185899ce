import { combinations, HTTP1 } from "../combination.ts";
import { type Peer, versionOf } from "./peer.ts";

/** nghttpx, the proxy of nghttp2, configured to change as little as it can. */
export const nghttpx: Peer = {
  name: "nghttpx",
  install: "apt-get install nghttp2-proxy",
  combinations,
  version: () => versionOf("nghttpx", "--version"),
  command: async ({ port, originPort, timeout, combination: { origin } = HTTP1, secure }) => [
    "nghttpx",
    "--conf=/dev/null",
    "--single-process",
    "--errorlog-file=/dev/null",
    `--frontend=127.0.0.1,${port}${secure === undefined ? ";no-tls" : ""}`,
    `--backend=127.0.0.1,${originPort};;proto=${origin === "2" ? "h2" : "http/1.1"}`,
    "--add-x-forwarded-for",
    "--strip-incoming-x-forwarded-for",
    "--strip-incoming-forwarded",
    "--no-via",
    "--no-server-rewrite",
    "--no-location-rewrite",
    `--backend-read-timeout=${timeout}`,
    `--backend-connect-timeout=${timeout}`,
    "--request-header-field-buffer=65536",
    "--response-header-field-buffer=65536",
    ...(secure === undefined ? [] : [secure.keyFile, secure.certFile]),
  ],
};
