import { TrailsumError } from "@trailsum/shared";

/** An address and a port. */
export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `HOST:PORT`, and `PORT` alone where there is a default host. An IPv6 address is in brackets. Throws `USAGE`, and
 * says what the flag takes.
 */
export function hostAndPort(
  text: string,
  { flag, takes, defaultHost }: { readonly flag: string; readonly takes: string; readonly defaultHost?: string },
): HostAndPort {
  const [, bracketed, name, port] = /^(?:(?:\[([\da-fA-F:.]+)\]|([^\s:[\]]+)):)?(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? name ?? defaultHost;
  if (port === undefined || host === undefined || Number(port) > 65_535)
    throw new TrailsumError("USAGE", `--${flag} takes ${takes}, and not ${JSON.stringify(text)}`);
  return { host, port: Number(port) };
}
