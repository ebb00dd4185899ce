/** What the requests made here name themselves (RFC 9110 section 10.1.5). */
export const userAgent = "trailsum";
