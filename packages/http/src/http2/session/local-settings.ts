import { ErrorCode } from "../error-code.ts";
import { ConnectionFault } from "../fault.ts";
import { DEFAULT_SETTINGS, type Settings } from "../settings.ts";

type MutableSettings = { -readonly [Name in keyof Settings]: Settings[Name] };

/**
 * The settings of this side. The peer applies them when it acknowledges them (RFC 9113 section 6.5.3), so a stricter value binds it only
 * then; a more generous one is granted at once.
 */
export class LocalSettings {
  /** What the peer is held to. */
  current: Settings = DEFAULT_SETTINGS;
  /** Changes that were sent and not acknowledged, in order. */
  readonly #sent: Partial<Settings>[] = [];

  /** Whether the peer has acknowledged all that it was sent. */
  get acknowledged(): boolean {
    return this.#sent.length === 0;
  }

  /** Takes changes that are sent now. */
  send(changes: Partial<Settings>): void {
    this.#sent.push(changes);
    const generous: MutableSettings = { ...this.current };
    const { headerTableSize = 0, initialWindowSize = 0, maxFrameSize = 0 } = changes;
    generous.headerTableSize = Math.max(generous.headerTableSize, headerTableSize);
    generous.initialWindowSize = Math.max(generous.initialWindowSize, initialWindowSize);
    generous.maxFrameSize = Math.max(generous.maxFrameSize, maxFrameSize);
    // What is for this side to decide holds at once: a stream beyond it is refused and can be tried again (section 5.1.2).
    generous.maxConcurrentStreams = changes.maxConcurrentStreams ?? generous.maxConcurrentStreams;
    generous.enableConnectProtocol ||= changes.enableConnectProtocol ?? false;
    this.current = generous;
  }

  /** Takes the peer's acknowledgement. Throws where there is nothing to acknowledge. */
  acknowledge(): void {
    const changes = this.#sent.shift();
    if (changes === undefined) {
      throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "an acknowledgement of SETTINGS that were not sent");
    }
    this.current = { ...this.current, ...changes };
  }
}
