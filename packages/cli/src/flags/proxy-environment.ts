import { BlockList, isIP } from "node:net";

/** The environment, or what a test takes for it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Lower case counts first, as in curl and Go. */
const value = (environment: Environment, name: string): string =>
  environment[name] || environment[name.toUpperCase()] || "";

/** Whether the environment names a proxy at all. */
export function namesProxy(environment: Environment): boolean {
  return ["http_proxy", "https_proxy", "all_proxy"].some((name) => value(environment, name) !== "");
}

/**
 * The proxy that the environment names for an origin, as it is written there; empty for none. `NO_PROXY` lists the exceptions
 * as curl and Go read it: `*` is everything, a name (also written `.name` or
 * `*.name`) itself and what is below it, an address itself, and a block (`10.0.0.0/8`) what is in it. `:port` at the end
 * of a name or an address limits it to that port.
 */
export function proxyFor(origin: URL, environment: Environment): string {
  const scheme = origin.protocol.slice(0, -1);
  const named = value(environment, `${scheme}_proxy`) || value(environment, "all_proxy");
  if (named === "") return "";
  const host = origin.hostname.replace(/^\[|\]$|\.$/g, "").toLowerCase();
  const port = origin.port || (scheme === "https" ? "443" : "80");
  const exceptions = value(environment, "no_proxy")
    .toLowerCase()
    .split(/[\s,]+/);
  return exceptions.some((exception) => isException(exception, host, port)) ? "" : named;
}

function isException(exception: string, host: string, port: string): boolean {
  if (exception === "") return false;
  if (exception === "*") return true;
  const block = /^\[?([\da-f.:]+)\]?\/(\d+)$/.exec(exception);
  if (block !== null) return isWithin(host, block[1]!, Number(block[2]));
  // An IPv6 address without brackets has no port.
  const bare = isIP(exception) === 6;
  const [, name = "", itsPort = port] = bare ? [exception, exception] : (/^(.*?)(?::(\d+))?$/.exec(exception) ?? []);
  if (itsPort !== port) return false;
  const suffix = name.replace(/^\*?\./, "").replace(/^\[|\]$|\.$/g, "");
  return suffix !== "" && (host === suffix || (isIP(host) === 0 && host.endsWith(`.${suffix}`)));
}

function isWithin(host: string, network: string, prefix: number): boolean {
  const [family, other] = [isIP(network), isIP(host)];
  if (family === 0 || family !== other || prefix > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 4 ? "ipv4" : "ipv6");
  return list.check(host, family === 4 ? "ipv4" : "ipv6");
}
