import { expectationOf, type InboundRequest, isWebSocket, type RequestTarget } from "@trailsum/http/inbound";
import { isToken, TrailsumError } from "@trailsum/shared";

/**
 * Refuses what cannot be forwarded: a request whose host or target the next router could interpret differently (RFC 9112
 * section 3.2, RFC 9113 section 8.3.1), an unknown expectation (RFC 9110 section 10.1.1), a tunnel to a destination of
 * the client's choice, as this is not a forward proxy (section 9.3.6), and a tunnel for any protocol but WebSocket (RFC
 * 9220 section 3 asks for 501). HTTP/1.0 need not name a host.
 */
export function checkRequest(request: InboundRequest): void {
  const { method, header, host, httpVersion, target, upgrade } = request;
  const hosts = header.getAll("Host");
  const other = httpVersion === "2.0" && hosts.length === 1 && hosts[0]!.toLowerCase() !== host?.toLowerCase();
  if (hosts.length > 1 || other || (host !== undefined && !AUTHORITY.test(host))) {
    throw new TrailsumError("PROTOCOL", "the request names no host, or more than one", { status: 400 });
  }
  // Before anything is said of its target, which is in a form of its own.
  if (method === "CONNECT" && upgrade === undefined) {
    throw new TrailsumError("METHOD_NOT_ALLOWED", "this proxy opens no tunnels");
  }
  if (upgrade !== undefined && !isWebSocket(upgrade)) {
    throw new TrailsumError("PROTOCOL", "this proxy opens no tunnels for protocols other than websocket", {
      status: 501,
    });
  }
  if (!isToken(method) || !isTarget(target, httpVersion)) {
    throw new TrailsumError("PROTOCOL", "the request's method or target is none", { status: 400 });
  }
  if (httpVersion !== "1.0" && expectationOf(header.get("Expect")) === "unknown") {
    throw new TrailsumError("EXPECTATION_FAILED", "unknown expectation");
  }
}

/** Whether a target is in a form that it may have; HTTP/2 knows no absolute-form (RFC 9113 section 8.3.1). */
function isTarget({ path, query, authority }: RequestTarget, httpVersion: InboundRequest["httpVersion"]): boolean {
  if (authority !== undefined && httpVersion === "2.0") return false;
  const begins = path.startsWith("/") || path === "*" || (path === "" && authority !== undefined);
  return begins && TARGET.test(path) && (query === undefined || TARGET.test(query));
}

/** RFC 3986 section 3.2 without user information: a name, an IPv4 address or a bracketed IPv6 one, and perhaps a port. */
const AUTHORITY = /^(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*)(?::\d*)?$/i;

/** No space, no control character, no fragment (RFC 9112 section 3.2). */
const TARGET = /^[!"$-~]*$/;
