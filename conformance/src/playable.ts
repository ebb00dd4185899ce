import { type Combination, combinationId, combinations, type Version } from "./combination.ts";
import type { ConformanceCase, Step } from "./conformance-case.ts";
import { isFrames, type Sent } from "./endpoint.ts";
import type { RequestMessage, ResponseMessage } from "./message.ts";

/**
 * The combinations of protocols that a case can be played in. What it means can be said in either version of HTTP; what
 * is in it as bytes, as frames, or cannot be said in the other, binds that side to one.
 */
export function combinationsOf({ client, origin, only }: ConformanceCase): readonly Combination[] {
  const asked = [...client.map(versionOf), only.client];
  const answered = [...origin.map(versionOf), only.origin];
  const speaks = (bound: readonly (Version | undefined)[], version: Version): boolean =>
    bound.every((one) => one === undefined || one === version);
  return combinations.filter((one) => speaks(asked, one.client) && speaks(answered, one.origin));
}

/** The cases that can be played in a combination. */
export function casesOf(cases: readonly ConformanceCase[], combination: Combination): readonly ConformanceCase[] {
  const id = combinationId(combination);
  return cases.filter((one) => combinationsOf(one).some((other) => combinationId(other) === id));
}

/** The version that a step is bound to, if it is. */
function versionOf(step: Step): Version | undefined {
  if ("send" in step) return (step.cut ?? 0) > 0 ? "1.1" : versionOfSent(step.send);
  if ("sendHead" in step) return versionOfMessage(step.sendHead);
  if ("see" in step || "seeHead" in step) {
    const expected = "see" in step ? step.see : step.seeHead;
    return expected.startsWith === undefined ? undefined : "1.1";
  }
  return "on" in step ? "2" : undefined;
}

function versionOfSent(sent: Sent): Version | undefined {
  if (typeof sent === "string") return "1.1";
  return isFrames(sent) ? "2" : versionOfMessage(sent);
}

function versionOfMessage(message: RequestMessage | ResponseMessage): Version | undefined {
  const { version, framing, fields, trailers } = message;
  if (framing === "length" && trailers.length > 0) return "2";
  if (version === "1.0" || framing === "until-close") return "1.1";
  if ("target" in message && !/^\/|^\*$/.test(message.target)) return "1.1";
  return [...fields, ...trailers].some((line) => CONNECTION_SPECIFIC.test(line)) ? "1.1" : undefined;
}

/** RFC 9113 section 8.2.2: what must not stand in HTTP/2. */
const CONNECTION_SPECIFIC =
  /^(?:Connection|Proxy-Connection|Keep-Alive|Transfer-Encoding|Upgrade):|^TE:(?! *trailers$)/i;
