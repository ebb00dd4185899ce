export { checkSendable } from "../fields/sendable-field.ts";
export { isWebSocket, upgradeProtocol } from "../fields/upgrade.ts";
export type { MessageLimits } from "../http1/message-reader.ts";
export { type ClientLimitOptions, inboundTimeouts } from "./client-limits.ts";
export { Connections, type ServedConnection } from "./connections.ts";
export { beginRecord, endRecord, exchangesObserved, type OpenRecord, updateRecord } from "./exchange-record.ts";
export { headFault } from "./head-fault.ts";
export { Http1Connection } from "./http1/http1-connection.ts";
export type { InboundTimeouts } from "./served-connection-options.ts";
export { Http2Connection } from "./http2/http2-connection.ts";
export { type ContentSink, type ContentSource, InboundContent } from "./inbound-content.ts";
export {
  addFields,
  type ClientConnection,
  clientGoneError,
  type InboundExchange,
  type OutgoingHead,
} from "./inbound-exchange.ts";
export type { ContentOutline, InboundRequest } from "./inbound-request.ts";
export { cannotListen, type ListenAddress, listenAddress, type ListenOptions } from "./listen-address.ts";
export { createListener, type Listener, type ListenerOptions, type Listening } from "./listener.ts";
export { ignoreUpgrade } from "./node/ignored-upgrade.ts";
export { asksForUpgrade, earlierAnswers, NodeExchange, upgradeExchange } from "./node/node-exchange.ts";
export { sendInterim } from "./node/node-interim.ts";
export { NodeHttp2Exchange } from "./node/node-http2-exchange.ts";
export { whenContentKnown } from "./node/undecided-content.ts";
export { parseRequestTarget, type RequestTarget } from "./request-target.ts";
export { requestTimeout } from "./node/lost-request.ts";
export { inboundRequest, requestContent } from "./node/node-request.ts";
export { WebContent } from "./web/web-content.ts";
export { WebExchange, webExchange, webRequest } from "./web/web-exchange.ts";
