import { type HostAndPort, hostAndPort } from "../flags/address.ts";
import type { Flags } from "../flags/flag.ts";

/** What the flag holds once it is parsed. */
export interface StatusArguments {
  readonly status?: string | undefined;
}

/** The flag of a command that can serve a status page. */
export const statusFlags: Flags = {
  status: {
    type: "string",
    describe: "serve a status page at http://HOST:PORT/; the address may be that of --metrics",
  },
};

/** Reads the flag; undefined if it is not given. Throws `USAGE`. */
export function statusAddress({ status }: StatusArguments): HostAndPort | undefined {
  if (status === undefined) return undefined;
  return hostAndPort(status, { flag: "status", takes: "HOST:PORT, such as 127.0.0.1:9465" });
}
