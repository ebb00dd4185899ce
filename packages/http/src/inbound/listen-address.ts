import { TrailsumError } from "@trailsum/shared";

/** Where a server listens: an address and a port, or a Unix domain socket. */
export interface ListenOptions {
  /**
   * The address, or a name that resolves to it.
   * @default "127.0.0.1": reachable from this machine only
   */
  readonly host?: string | undefined;
  /** The port; 0 picks a free one. */
  readonly port?: number | undefined;
  /**
   * The path of a Unix domain socket, in place of `host` and `port`. Its file is removed when the server closes. A file that a
   * process left behind when it was killed is replaced.
   */
  readonly path?: string | undefined;
}

/** Where a server listens, with nothing left to default. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** The address for these options. Throws `USAGE` for a path together with a host or a port, and for an empty path. */
export function listenAddress({ host, port, path }: ListenOptions = {}, defaultPort: number): ListenAddress {
  if (path === undefined) return { host: host ?? "127.0.0.1", port: port ?? defaultPort };
  if (host !== undefined || port !== undefined)
    throw new TrailsumError("USAGE", "listen.path excludes listen.host and listen.port: give one or the other");
  if (path === "" || path.includes("\0")) throw new TrailsumError("USAGE", "listen.path is not a path");
  return { path };
}

/** Where a server can be reached that has bound this port: `http://127.0.0.1:8080`, or `unix:/run/it.sock`. */
export function listenUrl(address: ListenAddress, protocol: "http" | "https", port: number): string {
  return "path" in address ? shown(address) : `${protocol}://${shown({ ...address, port })}`;
}

/** The error for a server that could not be started at this address. */
export function cannotListen(address: ListenAddress, cause: unknown): TrailsumError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const reason =
    ("path" in address ? SOCKET_REASONS : PORT_REASONS).get(code) ??
    (cause instanceof Error ? cause.message : String(cause));
  return new TrailsumError("USAGE", `cannot listen on ${shown(address)}: ${reason}`, { cause });
}

function shown(address: ListenAddress): string {
  if ("path" in address) return `unix:${address.path}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

const PORT_REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "address already in use: stop the other process, or use another port (0 picks a free one)"],
  ["EADDRNOTAVAIL", "this machine does not have that address: use one that it has, or 0.0.0.0 for all"],
  ["EACCES", "no permission: use a port above 1023"],
  ["ENOTFOUND", "no such host"],
]);

const SOCKET_REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "address already in use: stop the process that listens there, or use another path"],
  // libuv reports a missing directory as EACCES.
  ["EACCES", "the directory does not exist, or nothing may be created in it"],
  ["EINVAL", "the path is too long for a socket: use a shorter one"],
  ["ENAMETOOLONG", "the path is too long for a socket: use a shorter one"],
]);
