/** Whether JSON is preferred to HTML by an `Accept` field (RFC 9110 section 12.5.1). Without a preference it is HTML. */
export function prefersJson(accept = ""): boolean {
  return quality(accept, "application/json") > quality(accept, "text/html");
}

/** The quality of a media type: that of the most specific range that covers it, or 0. */
function quality(accept: string, type: string): number {
  const [main] = type.split("/");
  const ranges = accept.split(",").map((range) => {
    const [name = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const q = parameters.map((parameter) => /^q=([01](?:\.\d{0,3})?)$/.exec(parameter)?.[1]).find(Boolean);
    return { name, q: q === undefined ? 1 : Number(q) };
  });
  const covering = [type, `${main}/*`, "*/*"].map((name) => ranges.find((range) => range.name === name));
  return covering.find((range) => range !== undefined)?.q ?? 0;
}
