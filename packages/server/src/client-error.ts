import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";

/** An error of the parser of `node:http`, with what it was reading. */
interface ClientError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
  /** How many bytes of the packet it has accepted. */
  readonly bytesParsed?: number;
}

const closing = new WeakSet<Socket>();

/**
 * Closes a connection on which a request cannot be parsed. `responses` are those under way on it: what answers complete
 * requests is sent first. Node would answer by itself, but in the middle of those, and with 400 where it only does not
 * know the method, which is 501 (RFC 9110 section 15.6.2).
 */
export function closeAfterClientError(error: ClientError, socket: Socket, responses: Iterable<ServerResponse>): void {
  if (closing.has(socket)) return;
  closing.add(socket);
  const last = [...responses].at(-1);
  if (last?.req.complete === true) {
    last.once("close", () => refuse(error, socket));
  } else if (last === undefined || (last.socket === socket && !last.headersSent)) {
    refuse(error, socket);
  } else {
    socket.destroy(error);
  }
}

function refuse(error: ClientError, socket: Socket): void {
  if (socket.writable) {
    const status = clientErrorStatus(error);
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }
  socket.destroy(error);
}

function clientErrorStatus(error: ClientError): number {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return 431;
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return 413;
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return 408;
    case "HPE_INVALID_METHOD":
      return REQUEST_LINE.test(lineAt(error)) ? 501 : 400;
    default:
      return 400;
  }
}

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-~]+ HTTP\/1\.[01]$/;

/** The line that the parser was reading. */
function lineAt({ rawPacket = Buffer.alloc(0), bytesParsed = 0 }: ClientError): string {
  const text = rawPacket.toString("latin1");
  const start = text.lastIndexOf("\n", bytesParsed - 1) + 1;
  const end = text.indexOf("\r\n", start);
  return end === -1 ? "" : text.slice(start, end);
}
