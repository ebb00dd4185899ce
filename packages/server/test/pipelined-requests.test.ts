import { createServer, type Server } from "node:http";

import { listen, rawClient, type RawConnection } from "@trailsum/testkit";
import { expect, onTestFinished, test } from "vitest";

import { createMemoryStore, createUploadServer, sendVerified, type Store } from "../src/index.ts";
import { handle, readObject, readResponse, request, upload } from "./peer.ts";

/** Reads so many responses, one after the other. */
async function statuses(client: RawConnection, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) found.push((await readResponse(client)).startLine.slice(9, 12));
  return found;
}

/** A memory store that counts how many uploads are staged at a time, and can be made to wait. */
function watchedStore(gate: Promise<void> = Promise.resolve()) {
  const inner = createMemoryStore();
  const seen = { staged: 0, most: 0, opened: 0 };
  const store: Store = {
    ...inner,
    async stage(path, options) {
      seen.staged += 1;
      seen.most = Math.max(seen.most, seen.staged);
      await gate;
      const staged = await inner.stage(path, options);
      return {
        content: staged.content,
        commit: (digests) => staged.commit(digests),
        keep: (id, description) => staged.keep(id, description),
        discard: async () => {
          seen.staged = 0;
          await staged.discard();
        },
      };
    },
    async open(path) {
      seen.opened += 1;
      await gate;
      return inner.open(path);
    },
  };
  return { store, seen };
}

test("pipelined requests are answered one after the other, in order", async () => {
  const { port } = await handle();
  const client = await rawClient(port);
  const get = request("GET /a", ["TE: trailers"]);
  await client.write(Buffer.concat([get, upload("/a"), get, request("GET /none"), upload("/a"), get]));
  expect(await statuses(client, 6)).toEqual(["404", "201", "200", "404", "200", "200"]);
  client.destroy();
});

test("the upload server answers pipelined requests as well", async () => {
  const server = createUploadServer({ store: createMemoryStore(), listen: { port: 0 } });
  onTestFinished(() => server.close());
  const { port } = await server.listen();
  const client = await rawClient(port);
  await client.write(Buffer.concat([upload("/a"), ...Array.from({ length: 20 }, () => request("GET /a"))]));
  expect(await statuses(client, 21)).toEqual(["201", ...Array.from({ length: 20 }, () => "200")]);
  client.destroy();
});

test("a client that ends its side after its requests gets every answer", async () => {
  const server = createUploadServer({ store: createMemoryStore(), listen: { port: 0 } });
  onTestFinished(() => server.close());
  const { port } = await server.listen();
  const client = await rawClient(port);
  client.end(Buffer.concat([upload("/a"), request("GET /a"), request("GET /none")]));
  expect(await statuses(client, 3)).toEqual(["201", "200", "404"]);
  expect(await client.readToEnd()).toHaveLength(0);
});

test("one upload of a connection is staged at a time", async () => {
  const { store, seen } = watchedStore();
  const { port } = await handle({ store });
  const client = await rawClient(port);
  await client.write(Buffer.concat(Array.from({ length: 100 }, (_, at) => upload(`/${at}`))));
  expect(await statuses(client, 100)).toEqual(Array.from({ length: 100 }, () => "201"));
  expect(seen.most).toBe(1);
  client.destroy();
});

test("a connection is not read while requests of it wait", async () => {
  const gate = Promise.withResolvers<void>();
  const { store, seen } = watchedStore(gate.promise);
  const { port, server } = await handle({ store });
  const requests = watchRequests(server);
  const client = await rawClient(port);
  const get = request("GET /a");
  const count = Math.ceil((16 * 1024 * 1024) / get.length);
  await expect(client.write(Buffer.concat(Array.from({ length: count }, () => get)), 500)).rejects.toThrow(
    "does not take",
  );
  // What one read of the socket brings.
  expect(requests.count).toBeLessThanOrEqual(Math.ceil((3 * 65_536) / get.length));
  expect(seen.opened).toBe(1);
  client.destroy();
  gate.resolve();
});

function watchRequests(server: Server): { count: number } {
  const requests = { count: 0 };
  server.prependListener("request", () => (requests.count += 1));
  return requests;
}

test("a request after a response that closes the connection is not performed", async () => {
  const handling = await handle({ maxSize: 10 });
  const client = await rawClient(handling.port);
  const large = request("PUT /large", ["Content-Length: 20"], "0123456789");
  await client.write(Buffer.concat([large, Buffer.from("0123456789"), upload("/later", Buffer.from("small"))]));
  expect((await readResponse(client)).startLine).toContain("413");
  await client.readToEnd();
  await handling.settled();
  expect(await readObject(handling.store, "later")).toBeUndefined();
});

test("requests that wait when their connection is closed are not carried out", async () => {
  const gate = Promise.withResolvers<void>();
  const { store, seen } = watchedStore(gate.promise);
  const handling = await handle({ store });
  const client = await rawClient(handling.port);
  await client.write(Buffer.concat([request("GET /a"), upload("/b"), upload("/c")]));
  await expect.poll(() => seen.opened).toBe(1);
  handling.server.closeAllConnections();
  await client.readToEnd();
  client.destroy();
  gate.resolve();
  await handling.settled();
  expect(seen.most).toBe(0);
});

test("verified content of an application's own waits for its turn", async () => {
  const first = Promise.withResolvers<void>();
  const server = createServer(async (req, res) => {
    if (req.url === "/first") await first.promise;
    await sendVerified(res, `${req.url}\n`);
  });
  const { port } = await listen(server);
  const client = await rawClient(port);
  await client.write(Buffer.concat([request("GET /first"), request("GET /second"), request("GET /third")]));
  first.resolve();
  for (const name of ["first", "second", "third"]) {
    expect((await readResponse(client)).body.toString()).toBe(`/${name}\n`);
  }
  client.destroy();
});
