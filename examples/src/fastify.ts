// node examples/src/fastify.ts
import type { Store } from "@trailsum/server";
import { uploadResource, verification } from "@trailsum/server/fastify";
import type { FastifyPluginAsync } from "fastify";
import { fastify } from "fastify";

import { openData, type Reports } from "./reports.ts";

/** A service of reports, as a plugin. What it does with uploads are the lines between the comments. */
export function reportService(reports: Reports, store: Store): FastifyPluginAsync {
  return async (app) => {
    // Stored under /files/ only if verified.
    await app.register(uploadResource, { prefix: "/files", store });

    // Verified while the service itself writes it. The scope of the plugin parses no content.
    await app.register(async (scope) => {
      await scope.register(verification);
      scope.put<{ Params: { name: string } }>("/reports/:name", async (request, reply) => {
        const { body } = request.verify();
        const size = await reports.save(request.params.name, body);
        return reply.code(201).send({ size });
      });
    });
    // -

    app.get("/reports", () => reports.names());
    app.post("/echo", async ({ body }) => body);
  };
}

if (import.meta.main) {
  const app = fastify({ logger: true });
  app.register(reportService(...(await openData("data"))));
  await app.listen({ port: 8080 });
}
