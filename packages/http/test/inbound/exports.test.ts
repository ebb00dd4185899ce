import { expect, test } from "vitest";

import * as inbound from "../../src/inbound/index.ts";

test("the entry for the inbound server exports these values and no others", () => {
  expect(Object.keys(inbound).toSorted()).toEqual([
    "Connections",
    "Http1Connection",
    "Http2Connection",
    "InboundContent",
    "NodeExchange",
    "NodeHttp2Exchange",
    "WebContent",
    "WebExchange",
    "addFields",
    "asksForUpgrade",
    "beginRecord",
    "cannotListen",
    "checkSendable",
    "clientGoneError",
    "createListener",
    "earlierAnswers",
    "endRecord",
    "exchangesObserved",
    "headFault",
    "ignoreUpgrade",
    "inboundRequest",
    "inboundTimeouts",
    "isWebSocket",
    "listenAddress",
    "parseRequestTarget",
    "requestContent",
    "requestTimeout",
    "sendInterim",
    "updateRecord",
    "upgradeExchange",
    "upgradeProtocol",
    "webExchange",
    "webRequest",
    "whenContentKnown",
  ]);
});
