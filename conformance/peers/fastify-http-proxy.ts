import httpProxy from "@fastify/http-proxy";
import fastify from "fastify";

const [port = 0, originPort = 0, timeout = 0, keep = 0] = process.argv.slice(2).map(Number);
const server = fastify({ bodyLimit: 2 ** 40, routerOptions: { maxParamLength: 2 ** 16 } });

// Its transports differ in what they keep: undici is the one that it takes unasked, and the fast one.
const transport =
  keep === 0
    ? { http: { requestOptions: { timeout: timeout * 1_000 } } }
    : { undici: { connections: keep, headersTimeout: timeout * 1_000, bodyTimeout: timeout * 1_000 } };
await server.register(httpProxy, { upstream: `http://127.0.0.1:${originPort}`, websocket: true, ...transport });
await server.listen({ port, host: "127.0.0.1" });
