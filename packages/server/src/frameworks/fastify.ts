import type { FastifyInstance, FastifyPluginAsync } from "fastify";

import { createUploadHandler } from "../upload-handler.ts";
import type { UploadHandlerOptions } from "../upload-resource.ts";
import { type VerifiedRequest, verifyRequest, type VerifyRequestOptions } from "../verify-request.ts";
import { answerBelow, mountPathOf } from "./mount.ts";
import { problemAnswer } from "./problem-answer.ts";

export type { VerifiedRequest, VerifyRequestOptions } from "../verify-request.ts";

declare module "fastify" {
  interface FastifyRequest {
    /**
     * Verifies the content of the request as `verifyRequest` of `@trailsum/server` does. Only in scopes with the plugin
     * `verification` of `@trailsum/server/fastify`.
     */
    verify(options?: VerifyRequestOptions): VerifiedRequest;
  }
}

/**
 * A plugin for the scope whose routes verify their content: it decorates requests with `verify()`, replaces the content
 * parsers of the scope by one that leaves content of every type unread, and answers the errors of `verify()` with problem
 * documents (RFC 9457). Every other error, and those in an inner scope with its own error handler, are Fastify's;
 * they have a `statusCode`.
 *
 * ```js
 * import { buffer } from "node:stream/consumers";
 * import { fastify } from "fastify";
 * import { verification } from "@trailsum/server/fastify";
 *
 * const reports = new Map();
 * const app = fastify();
 * app.register(async (scope) => {
 *   await scope.register(verification);
 *   scope.put("/reports/:name", async (request, reply) => {
 *     const { body } = request.verify();
 *     reports.set(request.params.name, await buffer(body));
 *     return reply.code(201).send({ size: reports.get(request.params.name).length });
 *   });
 * });
 * await app.listen({ port: 0 });
 * ```
 */
export const verification: FastifyPluginAsync = Object.assign(
  async (scope: FastifyInstance): Promise<void> => {
    leaveContentUnread(scope);
    scope.decorateRequest("verify", function verify(options) {
      return verifyRequest(this.raw, options);
    });
    scope.setErrorHandler((error, request, reply) => {
      const answer = problemAnswer(error);
      if (answer === undefined) throw error;
      request.log.info({ err: error }, "refused content");
      return reply.code(answer.status).headers(answer.headers).send(answer.body);
    });
  },
  // What fastify-plugin does: the plugin acts on the scope that it is registered in instead of a new one.
  { [Symbol.for("skip-override")]: true, [Symbol.for("fastify.display-name")]: "@trailsum/server" },
);

/**
 * The upload resource as a plugin of Fastify 5, mounted at the `prefix` that it is registered with. Nothing is published
 * before it verified, regardless of the application. It answers everything below that path itself; fields that hooks have
 * set on the reply are sent too. Its log is Fastify's unless `logger` is given.
 *
 * ```js
 * import { fastify } from "fastify";
 * import { createMemoryStore } from "@trailsum/server";
 * import { uploadResource } from "@trailsum/server/fastify";
 *
 * const app = fastify();
 * app.register(uploadResource, { prefix: "/files", store: createMemoryStore() });
 * await app.listen({ port: 0 });
 * ```
 */
export const uploadResource: FastifyPluginAsync<UploadHandlerOptions> = async (scope, options) => {
  const { log } = scope;
  const handler = createUploadHandler({
    logger: {
      info: (message) => log.info(message),
      warn: (message) => log.warn(message),
      error: (message, err) => log.error({ err }, message),
    },
    ...options,
  });
  leaveContentUnread(scope);
  scope.route({
    method: ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"],
    url: "/*",
    async handler({ raw, routeOptions }, reply) {
      const mountPath = mountPathOf(raw.url ?? "", routeOptions.url ?? "/*");
      for (const [name, value = ""] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value);
      reply.hijack();
      await answerBelow(mountPath, handler, [raw, reply.raw]);
    },
  });
};

function leaveContentUnread(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
}
