import httpProxy from "@fastify/http-proxy";
import fastify from "fastify";

const [port = 0, originPort = 0] = process.argv.slice(2).map(Number);
const server = fastify({ bodyLimit: 2 ** 30, routerOptions: { maxParamLength: 2 ** 16 } });

await server.register(httpProxy, {
  upstream: `http://127.0.0.1:${originPort}`,
  websocket: true,
  http: { requestOptions: { timeout: 1_000 } },
});
await server.listen({ port, host: "127.0.0.1" });
