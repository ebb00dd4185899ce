import { headFault, type InboundRequest, isWebSocket } from "@trailsum/http/inbound";
import { TrailsumError } from "@trailsum/shared";

/**
 * Refuses what cannot be forwarded: a request that the next hop could read differently, a tunnel to a destination of the
 * client's choice, as this is not a forward proxy (RFC 9110 section 9.3.6), and a tunnel for any protocol but WebSocket
 * (RFC 9220 section 3 asks for 501).
 */
export function checkRequest(request: InboundRequest): void {
  const fault = headFault(request);
  if (fault !== undefined) throw fault;
  const { method, upgrade } = request;
  if (method === "CONNECT" && upgrade === undefined) {
    throw new TrailsumError("METHOD_NOT_ALLOWED", "this proxy opens no tunnels");
  }
  if (upgrade !== undefined && !isWebSocket(upgrade)) {
    throw new TrailsumError("PROTOCOL", "this proxy opens no tunnels for protocols other than websocket", {
      status: 501,
    });
  }
}
