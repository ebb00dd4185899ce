import { TrailsumError } from "@trailsum/shared";

/** The URL that a request goes to; `USAGE` with a sentence that says what to write where it is none. */
export function targetUrl(given: string | URL): URL {
  const text = String(given);
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) {
    if (url.username === "" && url.password === "") return url;
    // Not repeated: what is in there is secret, and messages end up in logs.
    throw new TrailsumError("USAGE", `the URL of ${url.host} holds a user name: send an Authorization header instead`);
  }
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [];
  if (scheme !== undefined && url !== null) {
    throw new TrailsumError("USAGE", `"${text}" begins with ${scheme}: only http:// and https:// can be used`);
  }
  const completed = URL.parse(`http://${text}`);
  if (scheme === undefined && completed !== null && text !== "") {
    throw new TrailsumError("USAGE", `"${text}" has no scheme: write http://${text} or https://${text}`);
  }
  throw new TrailsumError("USAGE", `"${text}" is no URL: write something like https://host/path`);
}
