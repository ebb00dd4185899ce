import { isFieldValue, isToken, TrailsumError } from "@trailsum/shared";

/** Refuses a field that may not be sent. A hook can have put it in, and one that looks like two, or like the end of a head. */
export function checkSendable(name: string, value: string): void {
  if (!isToken(name) || !(value === "" || isFieldValue(value))) throw unsendable(`field ${JSON.stringify(name)}`);
}

/** The error of a response that cannot be forwarded because of a part. */
export function unsendable(what: string): TrailsumError {
  return new TrailsumError("INTERNAL", `the ${what} of a response may not be sent`, { status: 502 });
}
