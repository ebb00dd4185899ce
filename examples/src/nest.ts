// Compile it with `experimentalDecorators`, as NestJS does: Node does not run decorators.
import "reflect-metadata";
import { Body, Controller, type DynamicModule, Get, HttpCode, Inject, Module, Param, Post, Put } from "@nestjs/common";
import type { Store } from "@trailsum/server";
import { VerificationModule, Verified, type VerifiedRequest } from "@trailsum/server/nest";

import { Reports } from "./reports.ts";

@Controller()
class ReportController {
  readonly #reports: Reports;

  constructor(@Inject(Reports) reports: Reports) {
    this.#reports = reports;
  }

  // Verified while the service itself writes it.
  @Put("reports/:name")
  @HttpCode(201)
  async put(@Param("name") name: string, @Verified() { body }: VerifiedRequest): Promise<object> {
    return { size: await this.#reports.save(name, body) };
  }
  // -

  @Get("reports")
  names(): Promise<string[]> {
    return this.#reports.names();
  }

  @Post("echo")
  echo(@Body() body: unknown): unknown {
    return body;
  }
}

/** A service of reports, on Express and on Fastify. What it does with uploads are the lines between the comments. */
@Module({ controllers: [ReportController] })
export class ReportModule {
  static forRoot(reports: Reports, store: Store): DynamicModule {
    return {
      module: ReportModule,
      providers: [{ provide: Reports, useValue: reports }],
      // Stored under /files/ only if verified.
      imports: [VerificationModule.forRoot({ path: "/files", store })],
      // -
    };
  }
}
