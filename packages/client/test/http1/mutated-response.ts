import { mutations } from "@trailsum/testkit/mutated-http1";
import * as fc from "fast-check";

import { validResponse, type WireResponse } from "./random-response.ts";

const PHRASES = ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 100 Continue\r\n\r\n"];

/** Responses with something wrong in most of them. */
export const mutatedResponse: fc.Arbitrary<WireResponse> = fc
  .tuple(validResponse, mutations(PHRASES))
  .map(([{ method, text }, mutate]) => ({ method, text: mutate(text) }));
