import {
  type ArgumentsHost,
  Catch,
  createParamDecorator,
  type DynamicModule,
  type ExecutionContext,
} from "@nestjs/common";
import { APP_FILTER, BaseExceptionFilter, HttpAdapterHost } from "@nestjs/core";
import { TrailsumError } from "@trailsum/shared";
import type { FastifyInstance } from "fastify";

import type { NodeRequest } from "../node-message.ts";
import { createUploadHandler } from "../upload-handler.ts";
import type { UploadHandlerOptions } from "../upload-resource.ts";
import { verifyRequest, type VerifyRequestOptions } from "../verify-request.ts";
import { connectHandler } from "./mount.ts";
import { problemAnswer } from "./problem-answer.ts";

export type { VerifiedRequest, VerifyRequestOptions } from "../verify-request.ts";

/**
 * A parameter of a controller's method: the `VerifiedRequest` of the request, on Express and on Fastify. No body parser may
 * have read the request (`USAGE` otherwise): create the application with `bodyParser: false`, or receive content of types
 * that it does not parse.
 *
 * ```ts
 * @Controller("reports")
 * class ReportController {
 *   @Put(":name")
 *   async put(@Param("name") name: string, @Verified() { body, verdict }: VerifiedRequest): Promise<object> {
 *     // Rejects unless the content arrived whole and verified.
 *     await pipeline(body, createWriteStream("report.part"));
 *     await rename("report.part", "report");
 *     return { size: (await verdict).computed.size };
 *   }
 * }
 * ```
 */
export const Verified: (options?: VerifyRequestOptions) => ParameterDecorator = createParamDecorator(
  (options: VerifyRequestOptions | undefined, context: ExecutionContext) => {
    const request = context.switchToHttp().getRequest<NodeRequest | { readonly raw: NodeRequest }>();
    return verifyRequest("raw" in request ? request.raw : request, options);
  },
);

/** Where a {@link VerificationModule} receives uploads. */
export interface MountedUploadOptions extends UploadHandlerOptions {
  /** The path below which it receives them: `/files`. */
  readonly path: string;
}

/**
 * The module for applications of NestJS 11 and 12, on Express and on Fastify. It answers the errors of {@link Verified} with
 * problem documents (RFC 9457); without it NestJS answers them in its own form, by their `statusCode`. On Fastify it lets
 * content of types without a parser through unread.
 *
 * ```ts
 * @Module({ imports: [VerificationModule.forRoot({ path: "/files", store: createMemoryStore() })] })
 * class AppModule {}
 *
 * const app = await NestFactory.create(AppModule);
 * await app.listen(0);
 * app.getHttpServer().requestTimeout = 0;
 * ```
 */
export class VerificationModule {
  /**
   * With `uploads`, also mounts the upload resource, as middleware in front of body parsers, guards and controllers.
   * Nothing is published before it verified, regardless of the application. It answers everything below `path` itself;
   * `authorize` decides who may.
   */
  static forRoot(uploads?: MountedUploadOptions): DynamicModule {
    return {
      module: VerificationModule,
      providers: [
        {
          provide: APP_FILTER,
          inject: [HttpAdapterHost],
          useFactory: ({ httpAdapter }: HttpAdapterHost) => {
            if (httpAdapter.getType() === "fastify") leaveUnknownTypesUnread(httpAdapter.getInstance());
            if (uploads !== undefined) httpAdapter.use(uploads.path, connectHandler(createUploadHandler(uploads)));
            return new ProblemFilter(httpAdapter);
          },
        },
      ],
    };
  }
}

/** Answers errors with problem documents, where the client can act on them. */
class ProblemFilter extends BaseExceptionFilter<TrailsumError> {
  override catch(error: TrailsumError, host: ArgumentsHost): void {
    const adapter = this.applicationRef ?? this.httpAdapterHost?.httpAdapter;
    const response: unknown = host.switchToHttp().getResponse();
    const answer = problemAnswer(error);
    if (answer === undefined || adapter === undefined || adapter.isHeadersSent(response)) super.catch(error, host);
    else {
      for (const [name, value] of Object.entries(answer.headers)) adapter.setHeader?.(response, name, value);
      adapter.reply(response, answer.body, answer.status);
    }
  }
}
// Without the syntax of decorators, which Node does not run.
Catch(TrailsumError)(ProblemFilter);

function leaveUnknownTypesUnread(instance: FastifyInstance): void {
  instance.addContentTypeParser("*", (_request, _payload, done) => done(null));
}
