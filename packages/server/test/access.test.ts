import { createHash, scryptSync } from "node:crypto";

import { TrailsumError } from "@trailsum/shared";
import { rawClient } from "@trailsum/testkit";
import { describe, expect, test } from "vitest";

import {
  anyAuthorization,
  type Authorize,
  basicAuthorization,
  bearerAuthorization,
  createUploadHandler,
  createMemoryStore,
  hashedPasswords,
  hashPassword,
  parseCredentials,
  plainPasswords,
  type Store,
  type ExchangeRecord,
} from "../src/index.ts";
import { protocols } from "./http2-peer.ts";
import { answerOf, content, exchange, handle, readResponse, request, upload } from "./peer.ts";

const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString("base64")}`;
const users = new Map([
  ["ann", "secret"],
  ["zoë", "pässword:with colon"],
]);

/** A line of a password file whose hash costs little. */
function cheapLine(user: string, password: string, salt = "0123456789abcdef"): string {
  const base64 = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");
  const hash = scryptSync(password, salt, 32, { N: 2 ** 4, r: 8, p: 1 });
  return `${user}:$scrypt$ln=4,r=8,p=1$${base64(Buffer.from(salt))}$${base64(hash)}`;
}

/** A store that fails when it is asked anything. Its uploads are counted when a server is made, before any request. */
const untouchable: Store = new Proxy(createMemoryStore(), {
  get(store, property) {
    if (property === "uploads") return store.uploads;
    throw new Error("the store was asked");
  },
});

describe.each(protocols)("authorization, over %s", (_protocol, { handle: start, exchange: send }) => {
  test("a request without credentials gets 401 and a challenge, whatever it asks for", async () => {
    const { port } = await start({
      store: untouchable,
      authorize: basicAuthorization({ check: plainPasswords(users) }),
    });
    for (const line of ["GET /a", "GET /", "HEAD /a", "GET /.trailsum/x", "PUT /a", "DELETE /a", "OPTIONS /a"]) {
      const answer = await send(port, request(line), { head: line.startsWith("HEAD") });
      expect([line, answer.status]).toEqual([line, 401]);
      expect(answer.field("WWW-Authenticate")).toBe('Basic realm="trailsum", charset="UTF-8"');
    }
  });

  test("right credentials let a request in", async () => {
    const { port } = await start({ authorize: basicAuthorization({ check: plainPasswords(users) }) });
    for (const credentials of ["ann:secret", "zoë:pässword:with colon"]) {
      expect((await send(port, upload("/a", content, [basic(credentials)]))).status).toBeLessThan(300);
      expect((await send(port, request("GET /a", [basic(credentials)]))).status).toBe(200);
    }
  });
});

test.each([
  ["a wrong password", basic("ann:Secret")],
  ["an unknown user", basic("bob:secret")],
  ["the password of another user", basic("ann:pässword:with colon")],
  ["no password", basic("ann")],
  ["another scheme", `Authorization: Digest ${Buffer.from("ann:secret").toString("base64")}`],
  ["text that is not base64", "Authorization: Basic ann:secret"],
  ["nothing after the scheme", "Authorization: Basic"],
  ["a control character", basic("ann:secret\n")],
  ["two lines", `${basic("ann:secret")}\r\n${basic("ann:secret")}`],
])("Basic: %s is 401", async (_what, field) => {
  const { port } = await handle({ authorize: basicAuthorization({ check: plainPasswords(users) }) });
  expect((await exchange(port, request("GET /a", field.split("\r\n")))).status).toBe(401);
});

test("content of an upload that is not let in is not asked for", async () => {
  const { port } = await handle({ authorize: basicAuthorization({ check: plainPasswords(users) }) });
  const client = await rawClient(port);
  await client.write(request("PUT /a", ["Content-Length: 10", "Expect: 100-continue"]));
  expect(answerOf(await readResponse(client)).status).toBe(401);
});

test("a bearer token lets in, and a wrong one is said to be invalid", async () => {
  const { port } = await handle({ authorize: bearerAuthorization({ tokens: ["one", "two-._~+/=="] }) });
  const get = (...fields: string[]) => exchange(port, request("GET /a", fields));
  for (const token of ["one", "two-._~+/=="]) expect((await get(`Authorization: bearer ${token}`)).status).toBe(404);
  const wrong = await get("Authorization: Bearer onE");
  expect([wrong.status, wrong.field("WWW-Authenticate")]).toEqual([
    401,
    'Bearer realm="trailsum", error="invalid_token"',
  ]);
  expect((await get()).field("WWW-Authenticate")).toBe('Bearer realm="trailsum"');
  expect(() => bearerAuthorization({ tokens: ["two words"] })).toThrow(TrailsumError);
});

test("anyAuthorization lets in what one hook lets in, and challenges with both", async () => {
  const hooks = [basicAuthorization({ check: plainPasswords(users) }), bearerAuthorization({ tokens: ["t"] })];
  const { port } = await handle({ authorize: anyAuthorization(...hooks) });
  for (const field of [basic("ann:secret"), "Authorization: Bearer t"]) {
    expect((await exchange(port, request("GET /a", [field]))).status).toBe(404);
  }
  const { message } = await exchange(port, request("GET /a"));
  expect(message.fieldLines.filter((line) => /^www-authenticate:/i.test(line))).toHaveLength(2);
});

test.each<[string, unknown, number]>([
  ["false", () => false, 403],
  ["nothing", () => undefined, 403],
  ["a truthy value", () => 1, 403],
  ["no challenge", () => ({ challenges: [] }), 403],
  ["an error", () => Promise.reject(new Error("no database")), 500],
  ["an error with a status", () => Promise.reject(new TrailsumError("UNAVAILABLE", "later")), 503],
])("a hook that gives %s lets nothing in: %i", async (_what, authorize, status) => {
  const { port } = await handle({ store: untouchable, authorize: authorize as Authorize });
  const answer = await exchange(port, request("GET /a"));
  expect([answer.status, answer.message.body.includes("database")]).toEqual([status, false]);
});

test("the log has no credentials", async () => {
  const lines: string[] = [];
  const log = (line: string): number => lines.push(line);
  const { port } = await handle({
    logger: { info: log, warn: log, error: log },
    authorize: basicAuthorization({ check: plainPasswords(users) }),
  });
  await exchange(port, upload("/a", content, [basic("ann:secret")]));
  await exchange(port, upload("/a", content, [basic("ann:mistaken")]));
  await exchange(port, request("GET http://ann:secret@test/a?token=secret", []));
  expect(lines).toHaveLength(3);
  expect(lines.join("\n")).not.toMatch(/secret|mistaken|[a-z0-9+/]{12}==/i);
});

describe("a password file", () => {
  const check = (file: string) => {
    const checked = hashedPasswords(file);
    return async (text: string, clientAddress = "10.0.0.1") =>
      checked(parseCredentials(text), { clientAddress } as Parameters<typeof checked>[1]);
  };

  test("lets in its users, and skips comments and empty lines", async () => {
    const right = check(`# users\n\n${cheapLine("ann", "secret")}\r\n${cheapLine("zoë", "a:b")}\n`);
    const asked = ["ann:secret", "zoë:a:b", "ann:a:b", "bob:secret", "ann:"];
    expect(await Promise.all(asked.map((text) => right(text)))).toEqual([true, true, false, false, false]);
    // From what is remembered.
    expect(await Promise.all(asked.map((text) => right(text)))).toEqual([true, true, false, false, false]);
  });

  test("takes the lines that hashPassword makes", async () => {
    const right = check(`ann:${await hashPassword("se\u0301cret")}`);
    expect(await right("ann:s\u00e9cret")).toBe(true);
  });

  test.each([
    ["ann:secret", "line 1"],
    ["# users\nann", "line 2"],
    [`${cheapLine("ann", "a")}\n${cheapLine("ann", "b")}`, "line 2"],
    [cheapLine("ann", "a").replace("ln=4", "ln=30"), "costs too much"],
    [cheapLine("ann", "a").replace("ln=4", "ln=0"), "line 1"],
    ["", "no user"],
  ])("%j is refused, and not repeated", (file, reason) => {
    expect(() => hashedPasswords(file)).toThrow(reason);
    expect(() => hashedPasswords(file)).not.toThrow("secret");
  });

  test("checks the same credentials once for many concurrent requests", async () => {
    const right = check(cheapLine("ann", "secret"));
    const results = await Promise.all(Array.from({ length: 100 }, () => right("ann:secret")));
    expect(results.every(Boolean)).toBe(true);
  });

  test("a client that guesses is refused with 503, and another client is not", async () => {
    const right = check(cheapLine("ann", "secret"));
    const guesses = Promise.allSettled(Array.from({ length: 100 }, (_, at) => right(`ann:${at}`)));
    expect(await right("ann:secret", "10.0.0.2")).toBe(true);
    const outcomes = await guesses;
    const refused = outcomes.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(refused.length).toBeGreaterThan(80);
    expect(refused.every(({ reason }) => reason instanceof TrailsumError && reason.status === 503)).toBe(true);
    // It may try again later, with what was never checked.
    expect(await right("ann:secret")).toBe(true);
  });
});

test("readOnly answers reads, and 405 for the rest", async () => {
  const { port } = await handle({ readOnly: true });
  const put = await exchange(port, upload("/a"));
  expect([put.status, put.field("Allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  expect((await exchange(port, request("GET /a"))).status).toBe(404);
});

test("writeOnly answers writes, and 405 for reads", async () => {
  const { port } = await handle({ writeOnly: true });
  expect((await exchange(port, upload("/a"))).status).toBe(201);
  const get = await exchange(port, request("GET /a"));
  expect([get.status, get.field("Allow")]).toEqual([405, "PUT, POST, DELETE, OPTIONS"]);
  expect(() => createUploadHandler({ store: createMemoryStore(), readOnly: true, writeOnly: true })).toThrow(
    "exclude each other",
  );
});

test.each(["/.env", "/a/.git/config", "/a/%2Egit", "http://test/.env", "/..."])(
  "%s is neither served nor stored, unless dotfiles are",
  async (target) => {
    const closed = await handle();
    const statuses = [
      await exchange(closed.port, request(`GET ${target}`)),
      await exchange(closed.port, upload(target)),
    ];
    expect(statuses.map(({ status }) => status)).toEqual([404, 403]);
    const twoSteps = ["Upload-Draft-Interop-Version: 8", "Upload-Complete: ?0", "Content-Length: 4"];
    expect((await exchange(closed.port, request(`PUT ${target}`, twoSteps, "body"))).status).toBe(403);
    const open = await handle({ dotfiles: true });
    const stored = await exchange(open.port, upload(target));
    const got = await exchange(open.port, request(`GET ${target}`));
    expect([stored.status, got.status]).toEqual([201, 200]);
  },
);

test("a name with a dot elsewhere is not a dotfile", async () => {
  const { port } = await handle();
  expect((await exchange(port, upload("/a.b/c.?".replace("?", "d"), content))).status).toBe(201);
});

describe("where uploads without a digest are accepted", () => {
  const post = (...fields: string[]): Buffer =>
    request("POST /a", [`Content-Length: ${content.length}`, "Content-Type: text/plain", ...fields], content);

  test.each([
    [["Sec-Fetch-Site: cross-site"], 403],
    [["Sec-Fetch-Site: same-site", "Origin: http://test"], 403],
    [["Origin: http://elsewhere"], 403],
    [["Origin: http://test:81"], 403],
    [["Origin: null"], 403],
    [["Referer: http://elsewhere/page"], 403],
    [["Sec-Fetch-Site: same-origin", "Origin: http://test"], 201],
    [["Sec-Fetch-Site: none"], 201],
    [["Origin: http://test"], 201],
    [["Origin: https://test"], 201],
    [["Referer: http://test/page"], 201],
    [[], 201],
  ] as [string[], number][])("a POST with %j: %i", async (fields, status) => {
    const { port } = await handle({ allowUnverified: true });
    expect((await exchange(port, post(...fields))).status).toBe(status);
  });

  test("and only there", async () => {
    const { port } = await handle();
    const digest = `Repr-Digest: sha-256=:${createHash("sha256").update(content).digest("base64")}:`;
    expect((await exchange(port, post("Origin: http://elsewhere", digest))).status).toBe(201);
  });
});

describe("hooks", () => {
  test("onStored, onRemoved and onRefused learn what happens to each write, and nothing of reads", async () => {
    const reported: [hook: string, method: string, target: string, more: unknown][] = [];
    const note =
      (hook: string) =>
      ({ method, target, path, created, requestVerdict, mode, error, received }: ExchangeRecord): void =>
        void reported.push([
          hook,
          method,
          target,
          { path, created, verdict: requestVerdict?.name, mode, code: error?.code, received },
        ]);
    const { port, settled } = await handle({
      authorize: basicAuthorization({ check: plainPasswords(users) }),
      onStored: note("stored"),
      onRemoved: note("removed"),
      onRefused: note("refused"),
    });
    const field = basic("ann:secret");
    await exchange(port, upload("/a/b", content, [field]));
    await exchange(port, request("PUT /a/b", [field, "Content-Length: 4", "Size: 5"], "body"));
    await exchange(port, request("PUT /c?token=secret"));
    await exchange(port, request("GET /none", [field]));
    await exchange(port, request("DELETE /a/b", [field]));
    await exchange(port, request("DELETE /a/b", [field]));
    await settled();
    expect(reported).toEqual([
      [
        "stored",
        "PUT",
        "/a/b",
        { path: "a/b", created: true, verdict: "verified", mode: "trailers", received: content.length },
      ],
      ["refused", "PUT", "/a/b", expect.objectContaining({ code: "SIZE_MISMATCHED" })],
      ["refused", "PUT", "/c?token=***", expect.objectContaining({ code: "UNAUTHORIZED" })],
      ["removed", "DELETE", "/a/b", expect.objectContaining({ path: "a/b" })],
      ["refused", "DELETE", "/a/b", expect.objectContaining({ code: "NOT_FOUND" })],
    ]);
  });

  test("onExchange learns of every exchange, once, when it has ended", async () => {
    const records: ExchangeRecord[] = [];
    const { port, settled } = await handle({ onExchange: (record) => void records.push(record) });
    await exchange(port, upload("/a", content));
    await exchange(port, request("GET /a?token=secret", ["X-Request-Id: mine"]));
    await exchange(port, request("GET /none", ["X-Request-Id: \u00e9vil id"]));
    await settled();
    expect(
      records.map(({ method, target, status, sent, error }) => [method, target, status, sent > 0, error?.code]),
    ).toEqual([
      ["PUT", "/a", 201, true, undefined],
      ["GET", "/a?token=***", 200, true, undefined],
      ["GET", "/none", 404, true, "NOT_FOUND"],
    ]);
    expect(records[0]).toMatchObject({ by: "server", requestVerdict: { name: "verified" }, path: "a", created: true });
    expect(records[1]!.id).toBe("mine");
    expect(new Set(records.map(({ id }) => id)).size).toBe(3);
    expect(records[2]!.id).toMatch(/^[\w-]+$/);
  });

  test("the answer waits for onStored, and a hook that fails is only logged", async () => {
    const lines: string[] = [];
    const log = (line: string): number => lines.push(line);
    let ended = false;
    const { port } = await handle({
      logger: { info: log, warn: log, error: log },
      async onStored() {
        await new Promise(setImmediate);
        ended = true;
        throw new Error("no database");
      },
      onRefused() {
        throw new Error("no database");
      },
    });
    expect([(await exchange(port, upload("/a"))).status, ended]).toEqual([201, true]);
    expect((await exchange(port, request("PUT /b"))).status).toBe(400);
    expect(lines.filter((line) => line === "a hook for exchanges failed")).toHaveLength(2);
  });
});
