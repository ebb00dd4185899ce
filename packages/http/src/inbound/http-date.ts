let second = 0;
let dateOfSecond = "";

/** The value of `Date` (RFC 9110 section 6.6.1), made once a second. */
export function httpDate(): string {
  const now = Math.floor(Date.now() / 1_000);
  if (now !== second) {
    second = now;
    dateOfSecond = new Date(now * 1_000).toUTCString();
  }
  return dateOfSecond;
}
