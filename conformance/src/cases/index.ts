import type { ConformanceCase } from "../conformance-case.ts";
import { aborts } from "./aborts.ts";
import { connections } from "./connections.ts";
import { crossings } from "./crossings.ts";
import { fields } from "./fields.ts";
import { forwarding } from "./forwarding.ts";
import { framing } from "./framing.ts";
import { grpc } from "./grpc.ts";
import { hopByHop } from "./hop-by-hop.ts";
import { http2Connections } from "./http2-connections.ts";
import { http2Requests } from "./http2-requests.ts";
import { http2Responses } from "./http2-responses.ts";
import { interim } from "./interim.ts";
import { requestTrailers } from "./request-trailers.ts";
import { responseTrailers } from "./response-trailers.ts";
import { smuggling } from "./smuggling.ts";
import { targets } from "./targets.ts";
import { upgrades } from "./upgrades.ts";
import { verification } from "./verification.ts";
import { websockets } from "./websockets.ts";

/** Every case, area by area. */
export const cases: readonly ConformanceCase[] = [
  ...responseTrailers,
  ...requestTrailers,
  ...framing,
  ...smuggling,
  ...aborts,
  ...connections,
  ...hopByHop,
  ...fields,
  ...forwarding,
  ...targets,
  ...interim,
  ...upgrades,
  ...websockets,
  ...crossings,
  ...grpc,
  ...http2Requests,
  ...http2Responses,
  ...http2Connections,
  ...verification,
];
