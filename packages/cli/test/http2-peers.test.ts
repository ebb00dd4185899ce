import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { certificate, startTrailsum, tempDir, trailsum } from "@trailsum/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { content, fileOf, md5, patterned } from "./support/content.ts";
import { ForeignTool } from "./support/foreign-tool.ts";
import { serve, type Serving } from "./support/serving.ts";
import { SharedSetup } from "./support/shared-setup.ts";

const [curl, nghttp, nghttpd, h2load] = await Promise.all(
  ["curl", "nghttp", "nghttpd", "h2load"].map((name) => ForeignTool.find(name)),
);

/** What a client speaks HTTP/2 over, and how its requests get to the server that stores them. */
interface Way {
  readonly name: string;
  readonly client: "TLS" | "cleartext";
  readonly server: "TLS" | "cleartext";
  readonly proxied: boolean;
}

const ways: readonly Way[] = [
  { name: "trailsum serve", client: "TLS", server: "TLS", proxied: false },
  { name: "trailsum serve in cleartext", client: "cleartext", server: "cleartext", proxied: false },
  { name: "trailsum proxy before HTTP/2", client: "TLS", server: "TLS", proxied: true },
  { name: "trailsum proxy before HTTP/1.1", client: "TLS", server: "cleartext", proxied: true },
  { name: "trailsum proxy in cleartext", client: "cleartext", server: "cleartext", proxied: true },
];

/** A way that is open, for all of its tests. */
interface OpenWay {
  readonly url: string;
  readonly serving: Serving;
  /** The certificate to trust. */
  readonly certFile: string;
}

async function open(way: Way, setup: SharedSetup): Promise<OpenWay> {
  const { keyFile, certFile } = await (await certificate()).files(await setup.directory());
  const tls = ["--tls-cert", certFile, "--tls-key", keyFile];
  const options = { atEnd: setup.atEnd, env: { NODE_EXTRA_CA_CERTS: certFile } };
  const serving = await serve(way.server === "TLS" ? tls : [], { ...options, directory: await setup.directory() });
  if (!way.proxied) return { url: serving.url, serving, certFile };
  const listening = way.client === "TLS" ? tls : [];
  const { url } = await startTrailsum(["proxy", serving.url, "--port", "0", ...listening], options);
  return { url, serving, certFile };
}

describe.each(ways)("HTTP/2 to $name", (way) => {
  const setup = new SharedSetup();
  let url: string;
  let serving: Serving;
  let certFile: string;
  beforeAll(async () => {
    ({ url, serving, certFile } = await open(way, setup));
  });
  afterAll(() => setup.end());

  /** The names of what is stored below a directory. */
  const stored = async (directory: string): Promise<string[]> => {
    const files = await serving.visible();
    return files.filter((file) => file.startsWith(`${directory}/`)).map((file) => file.slice(directory.length + 1));
  };

  test.skipIf(!nghttp!.present)(`${nghttp!.title} uploads with trailers, and only what is right is kept`, async () => {
    const file = await fileOf(content);
    const digest = md5(content);
    const send = async (name: string, args: readonly string[]): Promise<[status: number, is: string]> => {
      const { exitCode, stdout } = await nghttp!.run([...args, "-d", file, `${url}/nghttp/${name}`]);
      expect(exitCode).toBe(0);
      const { status = 201, type, verdict } = JSON.parse(stdout) as Record<string, never>;
      return [status, type ?? verdict ?? ""];
    };
    const right = [`--trailer=md5: ${digest}`, `--trailer=size: ${content.length}`];
    expect(await send("right", right)).toEqual([201, "verified"]);
    expect(await send("untold-length", [...right, "--no-content-length"])).toEqual([201, "verified"]);
    expect(await send("padded", [...right, "--padding=100"])).toEqual([201, "verified"]);
    expect(await send("expecting", [...right, "--expect-continue"])).toEqual([201, "verified"]);
    expect(await send("wrong", [`--trailer=md5: ${"0".repeat(32)}`])).toEqual([
      400,
      "https://iana.org/assignments/http-problem-types#digest-mismatched-values",
    ]);
    expect(await send("missing", ["-H", "trailer: md5"])).toEqual([400, "urn:trailsum:problem:digest-missing"]);
    expect(await stored("nghttp")).toEqual(["expecting", "padded", "right", "untold-length"]);
    expect(await serving.staged()).toEqual([]);
  });

  test.skipIf(!nghttp!.present)(`${nghttp!.title} is given content with trailers after it`, async () => {
    const large = patterned(1_000_000);
    await writeFile(join(serving.directory, "large"), large);
    // On the way to HTTP/1.1 no one else asks for them.
    const { exitCode, stdout } = await nghttp!.run(["-nv", "-H", "te: trailers", "--window-bits=14", `${url}/large`]);
    expect(exitCode).toBe(0);
    const behind = stdout.slice(stdout.lastIndexOf("recv DATA frame"));
    expect(stdout).toMatch(/recv \(stream_id=\d+\) :status: 200/);
    expect(behind).toMatch(new RegExp(`recv \\(stream_id=\\d+\\) md5: ${md5(large)}`));
    expect(behind).toMatch(new RegExp(`recv \\(stream_id=\\d+\\) size: ${large.length}`));
    expect(behind).toContain("; END_STREAM");
  });

  test.skipIf(!curl!.present)(`${curl!.title} sends and fetches`, async () => {
    const ask = async (args: readonly string[], path = "it"): Promise<string> => {
      const speaking = way.client === "TLS" ? ["--http2", "--cacert", certFile] : ["--http2-prior-knowledge"];
      const reported = "HTTP/%{http_version} %{http_code}";
      const { stdout, stderr } = await curl!.run(["-sS", "-w", reported, ...speaking, ...args, `${url}/curl/${path}`]);
      expect(stderr).toBe("");
      return stdout;
    };
    const large = patterned(3_000_000);
    const file = await fileOf(large);
    const copy = join(await tempDir(), "copy");
    expect(await ask(["-T", file, "-H", `Md5: ${md5(large)}`, "-o", "/dev/null"])).toBe("HTTP/2 201");
    expect(await ask(["-T", file, "-H", `Md5: ${md5(content)}`, "-o", "/dev/null"], "wrong")).toBe("HTTP/2 400");
    expect(await stored("curl")).toEqual(["it"]);
    expect(await ask(["-o", copy])).toBe("HTTP/2 200");
    expect((await readFile(copy)).equals(large)).toBe(true);
    expect(await ask(["-o", copy, "-I"])).toBe("HTTP/2 200");
    expect(await ask(["-o", copy], "nothing")).toBe("HTTP/2 404");
    expect(await ask(["-o", copy, "-H", "Expect: 100-continue", "-T", file], "bare")).toBe("HTTP/2 400");
  });

  // 2^10 to 2^30 octets for each stream, and for the connection.
  test.skipIf(!nghttp!.present).each([
    [10, 10],
    [10, 30],
    [30, 10],
    [30, 30],
  ])(`${nghttp!.title} fetches with windows of %i and %i bits`, async (stream, connection) => {
    const large = patterned(500_000);
    await writeFile(join(serving.directory, "windows"), large.toString("hex"));
    const { exitCode, stdout } = await nghttp!.run(["-w", `${stream}`, "-W", `${connection}`, `${url}/windows`]);
    expect([exitCode, stdout === large.toString("hex")]).toEqual([0, true]);
  });

  test.skipIf(!h2load!.present)(`${h2load!.title} opens 1,000 streams at once, and each is answered`, async () => {
    await writeFile(join(serving.directory, "small"), content);
    const { stdout } = await h2load!.run(["-n", "1000", "-c", "5", "-m", "200", `${url}/small`]);
    expect(stdout).toContain("1000 succeeded, 0 failed, 0 errored, 0 timeout");
    expect(stdout).toContain("status codes: 1000 2xx");
  });
});

describe("HTTP/2 before HTTP/2 that others speak", () => {
  const proxied = async (
    origin: "TLS" | "cleartext",
    args: readonly string[],
  ): Promise<{ url: string; directory: string }> => {
    const { certFile, keyFile } = await (await certificate()).files();
    const directory = await tempDir();
    const security = origin === "TLS" ? [keyFile, certFile] : ["--no-tls"];
    const port = await nghttpd!.serve((free) => ["-a", "127.0.0.1", "-d", directory, ...args, `${free}`, ...security]);
    const [scheme, flags] = origin === "TLS" ? ["https", []] : ["http", ["--origin-http2"]];
    const { url } = await startTrailsum(["proxy", `${scheme}://127.0.0.1:${port}`, "--port", "0", ...flags], {
      env: { NODE_EXTRA_CA_CERTS: certFile },
    });
    return { url, directory };
  };
  const trailers = ["--trailer", `md5: ${md5(content)}`, "--trailer", `size: ${content.length}`];

  describe.each(["TLS", "cleartext"] as const)("%s", (origin) => {
    test.skipIf(!nghttpd!.present)(
      `${nghttpd!.title} gives trailers beside a Content-Length, and they come to clients of HTTP/1.1 too`,
      async () => {
        const { url, directory } = await proxied(origin, trailers);
        await writeFile(join(directory, "right"), content);
        await writeFile(join(directory, "wrong"), content.toString().toUpperCase());
        const right = await trailsum(["download", `${url}/right`, "-o", "-", "--require", "verified"]);
        expect([right.exitCode, right.stdout]).toEqual([0, content.toString()]);
        const wrong = await trailsum(["download", `${url}/wrong`, "-o", "wrong"], { cwd: directory });
        expect(wrong.exitCode).toBe(6);
        const { stdout } = await nghttp!.run(["-nv", `${url}/right`]);
        expect(stdout).toMatch(new RegExp(`recv DATA frame[^]*md5: ${md5(content)}`));
      },
    );
  });

  test.skipIf(!nghttpd!.present || !nghttp!.present)(`${nghttpd!.title} gives uploads back as they were`, async () => {
    const { url } = await proxied("cleartext", ["--echo-upload", ...trailers]);
    const large = patterned(1_000_000);
    const { exitCode, stdout } = await nghttp!.run(["-d", await fileOf(large.toString("hex")), `${url}/it`]);
    expect([exitCode, stdout === large.toString("hex")]).toEqual([0, true]);
  });

  test.skipIf(!nghttpd!.present || !h2load!.present)(
    `${nghttpd!.title} takes ten streams on a connection, and ${h2load!.title} opens 200 without one being refused`,
    async () => {
      const { url, directory } = await proxied("cleartext", ["-m", "10", ...trailers]);
      await mkdir(join(directory, "sub"));
      await writeFile(join(directory, "sub/it"), content);
      const { stdout } = await h2load!.run(["-n", "1000", "-c", "4", "-m", "50", `${url}/sub/it`]);
      expect(stdout).toContain("1000 succeeded, 0 failed, 0 errored, 0 timeout");
      expect(stdout).toContain("status codes: 1000 2xx");
    },
  );
});
