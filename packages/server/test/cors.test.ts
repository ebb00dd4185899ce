import { expect, test } from "vitest";

import { protocols } from "./http2-peer.ts";
import { content, exchange, handle, request } from "./peer.ts";
import { put } from "./store-contract.ts";

const app = "https://app.example";

test.each(protocols)("an allowed page may read answers and errors with all their fields, over %s", async (_p, via) => {
  const { port, store } = await via.handle({ cors: [app, "http://localhost:3000"] });
  await put(store, "it", content);
  for (const [target, status] of [
    ["/it", 200],
    ["/missing", 404],
  ] as const) {
    const answer = await via.exchange(port, request(`GET ${target}`, [`Origin: ${app}`]));
    expect(answer.status).toBe(status);
    expect(answer.field("Access-Control-Allow-Origin")).toBe(app);
    expect(answer.field("Vary")).toBe("Origin");
    const exposed = answer.field("Access-Control-Expose-Headers")!.split(", ");
    expect(exposed).toEqual(
      expect.arrayContaining([
        "Repr-Digest",
        "Content-Digest",
        "Unencoded-Digest",
        "ETag",
        "Location",
        "Upload-Offset",
      ]),
    );
  }
});

test("a page of another origin may not, and neither may any without the option", async () => {
  const some = await handle({ cors: [app] });
  const none = await handle();
  for (const { port, store } of [some, none]) {
    await put(store, "it", content);
    for (const origin of ["https://app.example.evil", "http://app.example", "null"]) {
      const answer = await exchange(port, request("GET /it", [`Origin: ${origin}`]));
      expect([answer.status, answer.field("Access-Control-Allow-Origin")]).toEqual([200, undefined]);
    }
  }
});

test("a preflight request is answered without authorization, and the request itself is not", async () => {
  const { port } = await handle({ cors: "*", authorize: () => false });
  const asked = ["Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization, repr-digest"];
  const preflight = await exchange(port, request("OPTIONS /it", [`Origin: ${app}`, ...asked]));
  expect(preflight.status).toBe(204);
  expect(preflight.field("Access-Control-Allow-Origin")).toBe("*");
  expect(preflight.field("Access-Control-Allow-Methods")).toBe("GET, HEAD, PUT, POST, DELETE, OPTIONS, PATCH");
  expect(preflight.field("Access-Control-Allow-Headers")).toBe("authorization, repr-digest");
  const answer = await exchange(port, request("GET /it", [`Origin: ${app}`]));
  expect(answer.status).toBeGreaterThanOrEqual(401);
  expect(answer.field("Access-Control-Allow-Origin")).toBe("*");
});

test("an allowed page may upload without a digest where that is accepted, and another may not", async () => {
  const { port } = await handle({ cors: [app], allowUnverified: true });
  const from = (origin: string) =>
    exchange(port, request("POST /it", [`Origin: ${origin}`, `Content-Length: ${content.length}`], content));
  expect((await from("https://evil.example")).status).toBe(403);
  expect((await from(app)).status).toBe(201);
});

test.each(["app.example", "https://app.example/", "https://app.example/path", ""])("%j is not an origin", (origin) => {
  return expect(handle({ cors: [origin] })).rejects.toMatchObject({ code: "USAGE" });
});

test.each(protocols)(
  "a preflight of another origin gets no fields and needs no authorization, over %s",
  async (_p, via) => {
    const asked: string[] = [];
    const { port } = await via.handle({ cors: [app], authorize: ({ method }) => asked.push(method) < 0 });
    const fields = ["Origin: https://app.example.evil", "Access-Control-Request-Method: PUT"];
    const answer = await via.exchange(port, request("OPTIONS /it", fields));
    expect(answer.status).toBe(204);
    expect(answer.field("Access-Control-Allow-Origin")).toBeUndefined();
    expect(answer.field("Access-Control-Allow-Methods")).toBeUndefined();
    expect(asked).toEqual([]);
  },
);
