/** Where the other things of a command are served, by what they are. */
export interface Endpoints {
  /** The URL of the metrics. */
  readonly metrics?: string;
  /** The URL of the status page. */
  readonly status?: string;
}

/** The line on stdout of a command that listens at `url` from now on. */
export function startLine({ json }: { readonly json: boolean }, url: string, endpoints: Endpoints): string {
  if (!json) return `listening on ${url}\n`;
  return `${JSON.stringify({ listening: { url, ...addressIn(url) }, ...endpoints, pid: process.pid })}\n`;
}

function addressIn(url: string): { host: string; port: number } | { path: string } {
  const { protocol, hostname, port } = new URL(url);
  if (protocol === "unix:") return { path: url.slice(protocol.length) };
  // A URL leaves the port out that its scheme has by default.
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port || (protocol === "https:" ? 443 : 80)) };
}
