import { hostileHttp2Servers } from "@trailsum/testkit";
import { request } from "undici";
import { expect, onTestFinished } from "vitest";

import { TrailerAgent } from "../src/index.ts";

hostileHttp2Servers("the agent", {
  failure: expect.objectContaining({
    code: expect.stringMatching(/^(?:UND_ERR_|HPE_|ECONNRESET$)/) as string,
  }) as unknown,

  async create(origin) {
    const timeouts = { headersTimeout: 500, bodyTimeout: 500, pingTimeout: 500 };
    const dispatcher = new TrailerAgent({ useH2c: true, ...timeouts });
    onTestFinished(() => dispatcher.destroy());
    return async (path) => {
      const { statusCode, headers, body, trailers } = await request(new URL(path, origin), { dispatcher });
      const content = await body.text();
      if (statusCode > 299) throw new Error(`the answer is ${statusCode}`);
      return { content, fields: JSON.stringify([headers, trailers]) };
    };
  },
});
