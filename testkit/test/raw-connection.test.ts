import { expect, test } from "vitest";
import { certificate, rawClient, rawServer } from "../src/index.ts";

test("both ends read what the other wrote, piece by piece, and see its end", async () => {
  const server = await rawServer(async (connection) => {
    expect((await connection.readHead()).toString()).toBe("GET / HTTP/1.1\r\n\r\n");
    await connection.write("one two");
    expect((await connection.readToEnd()).toString()).toBe("bye");
    connection.end(" three");
  });
  const client = await rawClient(server.port);
  await client.write("GET / HTTP/1.1\r\n\r\n");
  expect((await client.readUntil("one")).toString()).toBe("one");
  expect((await client.readBytes(4)).toString()).toBe(" two");
  client.end("bye");
  expect((await client.readToEnd()).toString()).toBe(" three");
  await client.closed;
  await server.finished();
  expect(client.received.toString()).toBe("one two three");
  expect(client.error).toBeUndefined();
});

test.each(["tcp", "tls"])("a reset over %s reaches the other side as an error, not as an end", async (kind) => {
  const { key, cert } = await certificate();
  const tls = kind === "tls";
  const server = await rawServer(
    async (connection) => {
      await connection.readBytes(1);
      connection.reset();
    },
    tls ? { tls: { key, cert } } : {},
  );
  const client = await rawClient(server.port, tls ? { tls: { ca: cert } } : {});
  await client.write("x");
  await client.closed;
  expect(client.error).toMatchObject({ code: "ECONNRESET" });
});

test("a read that gets nothing fails with what is there instead", async () => {
  const server = await rawServer((connection) => connection.write("half"));
  const client = await rawClient(server.port);
  await expect(client.readUntil("\r\n", 100)).rejects.toThrow(/up to "\\r\\n" did not arrive.*"half"/);
  await expect(client.readBytes(9, 100)).rejects.toThrow("9 bytes did not arrive");
  expect((await client.readBytes(4)).toString()).toBe("half");
});

test("a read past the end fails at once", async () => {
  const server = await rawServer((connection) => connection.end("half"));
  const client = await rawClient(server.port);
  await expect(client.readUntil("\r\n")).rejects.toThrow("the connection ended while waiting");
});

test.fails("a script that throws has its connection reset and fails the test", async () => {
  const server = await rawServer(async (connection) => {
    await connection.readBytes(1);
    throw new Error("wrong request");
  });
  const client = await rawClient(server.port);
  await client.write("x");
  await client.closed;
  expect(client.error).toMatchObject({ code: "ECONNRESET" });
});

test("over TLS with the self-signed certificate, trusted by name and by address", async () => {
  const { key, cert } = await certificate();
  const server = await rawServer((connection) => connection.end("secret"), { tls: { key, cert } });
  const client = await rawClient(server.port, { tls: { ca: cert } });
  expect(server.origin).toMatch(/^https:/);
  expect((await client.readToEnd()).toString()).toBe("secret");
});
