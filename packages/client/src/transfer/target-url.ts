import { redactedTarget, TrailsumError } from "@trailsum/shared";

/** Parses the URL of a request. Throws `USAGE`, with a message that says what to write, for anything but http and https. */
export function targetUrl(given: string | URL): URL {
  const text = String(given);
  const shown = redactedTarget(text);
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return withoutCredentials(url);
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  if (scheme !== undefined && url !== null) {
    throw new TrailsumError("USAGE", `"${shown}" begins with ${scheme}: only http:// and https:// can be used`);
  }
  const bare = text.startsWith("//") ? text.slice(2) : text;
  const completed = bare.startsWith("/") ? null : URL.parse(`http://${bare}`);
  if (scheme === undefined && completed !== null) {
    withoutCredentials(completed);
    const shownBare = redactedTarget(bare);
    throw new TrailsumError("USAGE", `"${shown}" has no scheme: write http://${shownBare} or https://${shownBare}`);
  }
  throw new TrailsumError("USAGE", `"${shown}" is not a valid URL: write something like https://host/path`);
}

/** Credentials in a URL would end up in messages and logs. */
function withoutCredentials(url: URL): URL {
  if (url.username === "" && url.password === "") return url;
  throw new TrailsumError("USAGE", `the URL of ${url.host} holds a user name: send an Authorization header instead`);
}
