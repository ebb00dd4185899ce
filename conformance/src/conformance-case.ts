import type { Version } from "./combination.ts";
import type { Act, Sent } from "./endpoint.ts";
import type { Expected } from "./expectation.ts";
import { type RequestMessage, response, type ResponseMessage } from "./message.ts";

/** One thing that a side does, or waits for. `on`: with the so many-th request, counted from 1; usually it is the latest. */
export type Step = { readonly on?: number } &
  /** Sends a message, or these bytes or frames; `cut` leaves so many bytes out at its end. */
  (
    | { readonly send: Sent; readonly cut?: number }
    /** Sends a message by and by: its head, pieces of its content, its end and what stands there. */
    | { readonly sendHead: RequestMessage | ResponseMessage }
    | { readonly sendContent: string }
    | { readonly sendEnd: readonly string[] }
    /** The next message, to its end. */
    | { readonly see: Expected }
    /** The head of the next message; a `see` after it looks at the same message. */
    | { readonly seeHead: Expected }
    /** The content of the next message begins like this; what follows need not have come. */
    | { readonly seeContent: string }
    /** These bytes, where no messages are spoken any more. */
    | { readonly seeBytes: string }
    | { readonly act: Act }
    /** The other side sends no more, with nothing before that. */
    | { readonly seeEnd: true }
    /** Origin only: the connection of the last message has carried a request before. */
    | { readonly reused: true }
    /** Lets the other side go on from `after` with the same name. */
    | { readonly mark: string }
    | { readonly after: string }
    /** Waits for so many milliseconds. */
    | { readonly pause: number }
  );

/** A proxy that a case needs: as it is usually set up, or with something about it. Only the first is asked of peers. */
export type Setup =
  | "usual"
  /** As this project's is without any option: of request trailers it passes an allow-list. */
  | "defaults"
  /** Its origin is not there. */
  | "down"
  /** It waits for less than a second for an answer. */
  | "impatient"
  /** It verifies contents and cuts wrong ones. */
  | "enforce"
  /** It passes all trailers of requests, announced or not. */
  | "all-request-trailers"
  /** It passes no trailers, either way. */
  | "no-trailers"
  /** It rewrites queries that parsers read differently. */
  | "clean-query"
  /** It hands on the `Host` that was asked for. */
  | "inbound-host"
  /** It trusts what the client says of itself, and writes `Forwarded` too. */
  | "trusting"
  /** Its target has a path and a query. */
  | "based";

/** A wire-level case: what goes in on both sides of a proxy, and what must come out. */
export interface ConformanceCase {
  /** `area/name`. */
  readonly id: string;
  readonly title: string;
  /** What it proves: rules of Go's behaviour (`rule 61`, gaps `G4`), sections of RFCs. */
  readonly rules: readonly string[];
  /** The RFCs leave a choice: another answer is not a failure of a peer. */
  readonly choice: boolean;
  readonly setup: Setup;
  /** No other case may run at the same time. */
  readonly alone: boolean;
  /** It is about one version of HTTP on a side, though its steps could be played in another. */
  readonly only: Only;
  readonly client: readonly Step[];
  readonly origin: readonly Step[];
  /** Whether the origin is reached: by everything that `origin` states; perhaps; or never. */
  readonly reached: "yes" | "maybe" | "never";
}

/** What a side has to speak. */
interface Only {
  readonly client?: Version;
  readonly origin?: Version;
}

/** What every kind of case takes. */
export interface CaseInit {
  readonly id: string;
  readonly title: string;
  readonly rules: readonly string[];
  readonly choice?: boolean;
  readonly setup?: Setup;
  readonly alone?: boolean;
  readonly only?: Only;
}

/** A case in which both sides play a script. */
export function script(
  init: CaseInit & { client: readonly Step[]; origin: readonly Step[]; reached?: "yes" | "maybe" | "never" },
): ConformanceCase {
  return { choice: false, setup: "usual", alone: false, reached: "yes", only: {}, ...init };
}

/** One request and its response: what the client sends, what the origin sees and sends, what the client sees. */
export function exchange(
  init: CaseInit & {
    readonly sends: Sent;
    readonly originSees?: Expected;
    readonly originSends: Sent;
    readonly clientSees: Expected;
    /** The origin closes after its response. */
    readonly originCloses?: boolean;
    readonly reached?: "yes" | "maybe";
  },
): ConformanceCase {
  const { sends, originSees = {}, originSends, clientSees, originCloses = false, ...rest } = init;
  const toHead = typeof sends === "object" && "method" in sends && sends.method === "HEAD";
  return script({
    ...rest,
    client: [{ send: sends }, { see: { toHead, ...clientSees } }],
    origin: [{ see: originSees }, { send: originSends }, ...(originCloses ? [{ act: "end" } as const] : [])],
  });
}

/** A request that the proxy answers itself, with one of these statuses; the origin never hears of it. */
export function refused(
  init: CaseInit & { readonly sends: Sent; readonly status: number | readonly number[] },
): ConformanceCase {
  const { sends, status, ...rest } = init;
  return script({ ...rest, client: [{ send: sends }, { see: { status } }], origin: [], reached: "never" });
}

/**
 * A request that could be read in two ways. However a proxy answers it, the origin sees at most one request, and sees it
 * like this; nothing of it is ever taken for another request.
 */
export function unambiguous(
  init: CaseInit & { readonly sends: RequestMessage | string; readonly originSees: Expected },
): ConformanceCase {
  const { sends, originSees, ...rest } = init;
  return script({
    ...rest,
    // A side that still waits learns that nothing follows. The client may be answered by either, or be cut off.
    client: [{ send: sends }, { pause: 50 }, { act: "end" }, { see: { end: "either" } }],
    origin: [{ see: originSees }, { send: response({ fields: ["X-Answer: one"], content: "one" }) }],
    reached: "maybe",
  });
}
