import { randomBytes } from "node:crypto";

import type { InboundRequest } from "@trailsum/http/inbound";
import { type FieldLines, TrailsumError } from "@trailsum/shared";

/** The name of a proxy in `Via`: `host`, `host:port` or a pseudonym (RFC 9110 section 7.6.3). */
const RECEIVED_BY = /^[!#$%&'*+\-.^_`|~\w[\]:]+$/;

/** The `Via` field: what this proxy adds to the messages that it forwards, and by which it recognises a loop. */
export class Via {
  /** The name of this proxy in `Via` and `Proxy-Status`. */
  readonly pseudonym: string;
  readonly #members: Readonly<Record<InboundRequest["httpVersion"], string>>;

  /** Throws `USAGE` for a name that the field does not allow. Default: a unique name. */
  constructor(pseudonym: string = `trailsum-${randomBytes(6).toString("hex")}`) {
    if (!RECEIVED_BY.test(pseudonym))
      throw new TrailsumError("USAGE", `"${pseudonym}" is not allowed in Via: use a host name or a token`);
    this.pseudonym = pseudonym;
    this.#members = { "1.0": `1.0 ${pseudonym}`, "1.1": `1.1 ${pseudonym}`, "2.0": `2.0 ${pseudonym}` };
  }

  /** The member for a message that came in this version of HTTP. */
  member(httpVersion: InboundRequest["httpVersion"]): string {
    return this.#members[httpVersion];
  }

  /** Throws `LOOP_DETECTED` for a request that this proxy has forwarded before (508, RFC 5842 section 7.2). */
  checkLoop(header: FieldLines): void {
    if (!header.has("Via")) return;
    const name = this.pseudonym.toLowerCase();
    if (header.getAll("Via").some((value) => receivedBy(value).includes(name)))
      throw new TrailsumError("LOOP_DETECTED", "the request has been forwarded by this proxy before");
  }
}

/** The names of the proxies in a value of `Via`, in lower case. */
function receivedBy(value: string): string[] {
  return value
    .replaceAll(/\([^()]*\)/g, "")
    .split(",")
    .map(
      (member) =>
        member
          .trim()
          .split(/[ \t]+/)[1]
          ?.toLowerCase() ?? "",
    );
}
