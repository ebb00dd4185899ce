import httpProxy from "@fastify/http-proxy";
import fastify from "fastify";

const [port = 0, originPort = 0, timeout = 0, keep = 0] = process.argv.slice(2).map(Number);
const [client, origin] = process.argv.slice(6);
const settings = { bodyLimit: 2 ** 40, routerOptions: { maxParamLength: 2 ** 16 } };
// Of which its types say that it is another thing, and is not where it matters here.
const server = fastify(client === "2" ? ({ ...settings, http2: true } as typeof settings) : settings);

// Its transports differ in what they keep: undici is the one that it takes unasked, and the fast one.
const http1 =
  keep === 0
    ? { http: { requestOptions: { timeout: timeout * 1_000 } } }
    : { undici: { connections: keep, headersTimeout: timeout * 1_000, bodyTimeout: timeout * 1_000 } };
const transport = origin === "2" ? { http2: { requestTimeout: timeout * 1_000 } } : { websocket: true, ...http1 };
await server.register(httpProxy, { upstream: `http://127.0.0.1:${originPort}`, ...transport });
await server.listen({ port, host: "127.0.0.1" });
