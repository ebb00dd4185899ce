import type { ConformanceCase } from "../conformance-case.ts";
import { aborts } from "./aborts.ts";
import { connections } from "./connections.ts";
import { fields } from "./fields.ts";
import { forwarding } from "./forwarding.ts";
import { framing } from "./framing.ts";
import { hopByHop } from "./hop-by-hop.ts";
import { interim } from "./interim.ts";
import { requestTrailers } from "./request-trailers.ts";
import { responseTrailers } from "./response-trailers.ts";
import { smuggling } from "./smuggling.ts";
import { targets } from "./targets.ts";
import { upgrades } from "./upgrades.ts";
import { verification } from "./verification.ts";

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
  ...verification,
];
