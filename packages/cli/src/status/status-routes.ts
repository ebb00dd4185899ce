import type { ServerResponse } from "node:http";

import { answer, type Route } from "../endpoint/endpoint.ts";
import { type Status, watchStatus } from "./status.ts";
import { contentSecurityPolicy, statusPage, statusSections } from "./status-page.ts";

/** How often the numbers of a page that is open are sent. Milliseconds. */
const INTERVAL = 1_000;

/** So many pages may be open: a scraper on the same listener needs a connection, too. */
const MAX_PAGES = 16;

/** The status of this process: `/` as a page, `/status.json`, and `/events` with what of the page changes. */
export function statusRoutes(command: string, origins: readonly string[]): ReadonlyMap<string, Route> {
  const watch = watchStatus(origins);
  return new Map<string, Route>([
    ["/", (response) => sendPage(response, statusPage(command, watch.current()))],
    ["/status.json", (response) => sendJson(response, watch.current())],
    ["/events", eventStream(() => statusSections(watch.current()))],
  ]);
}

function sendPage(response: ServerResponse, page: string): void {
  response.setHeader("Content-Security-Policy", contentSecurityPolicy);
  response.setHeader("X-Content-Type-Options", "nosniff");
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("Cache-Control", "no-store");
  answer(response, 200, page, "text/html; charset=utf-8");
}

function sendJson(response: ServerResponse, status: Status): void {
  response.setHeader("Cache-Control", "no-store");
  answer(response, 200, `${JSON.stringify(status)}\n`, "application/json");
}

/**
 * Server-sent events with a JSON string each: what `render` gives, once a second, if it has changed. A page that does not read
 * misses events, so nothing piles up for it.
 */
function eventStream(render: () => string): Route {
  const pages = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;
  let last = "";
  const send = (): void => {
    const sections = render();
    if (sections === last) return;
    last = sections;
    for (const page of pages) if (!page.writableNeedDrain) page.write(event(sections));
  };
  return (response) => {
    if (pages.size >= MAX_PAGES) return answer(response, 503, `at most ${MAX_PAGES} pages can be open\n`);
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    if (response.req.method === "HEAD") return void response.end();
    response.write(event(render()));
    pages.add(response);
    timer ??= setInterval(send, INTERVAL).unref();
    response.once("close", () => {
      pages.delete(response);
      if (pages.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    });
  };
}

function event(sections: string): string {
  return `data: ${JSON.stringify(sections)}\n\n`;
}
