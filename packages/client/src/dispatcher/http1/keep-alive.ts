import { sameFieldName } from "@trailsum/shared";

/** `Keep-Alive: timeout=N`, less a second, so that it is not used while the server closes it. Milliseconds. */
export function keepAliveHint(raw: readonly string[]): number | undefined {
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]!.length !== 10 || !sameFieldName(raw[at]!, "keep-alive")) continue;
    const seconds = /(?:^|[\s,])timeout=(\d{1,6})/i.exec(raw[at + 1]!)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1_000 - 1_000;
  }
  return undefined;
}
