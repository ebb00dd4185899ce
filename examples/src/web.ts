// node examples/src/web.ts
import { serve } from "@hono/node-server";
import type { Store } from "@trailsum/server";
import { problemResponse, uploadResource, verifyRequest } from "@trailsum/server/web";

import { openData, type Reports } from "./reports.ts";

/** A service of reports: a function from a Request to a Response, for any server of such. Uploads have their digest in the header. */
export function reportService(reports: Reports, store: Store): (request: Request) => Promise<Response> {
  // Stored under /files/ only if verified.
  const files = uploadResource({ prefix: "/files", store });
  // -

  return async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/files/")) return files(request);
    if (pathname === "/reports") return Response.json(await reports.names());
    if (pathname === "/echo") return Response.json(await request.json());
    const [, name] = /^\/reports\/([^/]+)$/.exec(pathname) ?? [];
    if (request.method !== "PUT" || name === undefined) return new Response(null, { status: 404 });

    // Verified while the service itself writes it.
    try {
      const { body } = verifyRequest(request);
      const size = await reports.save(decodeURIComponent(name), body);
      return Response.json({ size }, { status: 201 });
    } catch (error) {
      return problemResponse(error);
    }
    // -
  };
}

if (import.meta.main) {
  const fetch = reportService(...(await openData("data")));
  serve({ fetch, port: 8080, hostname: "127.0.0.1", serverOptions: { requestTimeout: 0 } });
}
