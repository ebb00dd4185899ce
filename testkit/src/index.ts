export { certificate, newCertificate } from "./certificate.ts";
export type { Certificate } from "./certificate.ts";
export { deadline, until } from "./deadline.ts";
export { echoServer, httpServer, seen } from "./echo-server.ts";
export type { SeenRequest } from "./echo-server.ts";
export { duplexOf, foreignStreams, OldStream } from "./foreign-streams.ts";
export { FeedSource } from "./feed-source.ts";
export { freePort, withFreePorts } from "./free-ports.ts";
export { buildGo, goToolchain } from "./go.ts";
export { peakOfMemory } from "./process-memory.ts";
export { rawHttp2Client } from "./http2-client.ts";
export type { RawHttp2ClientOptions } from "./http2-client.ts";
export {
  connectionPreface,
  continuationFrame,
  dataFrame,
  encodeFrame,
  errorCodes,
  fieldSection,
  flags as frameFlags,
  frameTypes,
  goawayFrame,
  headersFrame,
  pingFrame,
  priorityFrame,
  pushPromiseFrame,
  resetFrame,
  settingsAckFrame,
  settingsFrame,
  windowUpdateFrame,
} from "./http2-frames.ts";
export type { FrameHeader, FrameOptions, Http2Frame, Settings } from "./http2-frames.ts";
export type { PlainRequest } from "./http2-client-breaches.ts";
export { encodeFields, encodeIndex, encodeLiteral, encodeTableSize } from "./http2-hpack.ts";
export type { FieldPairs } from "./http2-hpack.ts";
export { hostileHttp2Clients } from "./http2-hostile-clients.ts";
export type { AttackedServer, HostileClientsOptions, WatchedServer } from "./http2-hostile-clients.ts";
export { hostileHttp2Servers } from "./http2-hostile-servers.ts";
export type { Get, HostileAnswer, HostileServersOptions } from "./http2-hostile-servers.ts";
export { Http2Peer, requestFields } from "./http2-peer.ts";
export type { Http2PeerOptions } from "./http2-peer.ts";
export { rawHttp2Server } from "./http2-server.ts";
export type { RawHttp2Server, RawHttp2ServerOptions } from "./http2-server.ts";
export { Http2Stream } from "./http2-stream.ts";
export type { BodyOptions } from "./http2-stream.ts";
export { flippingRelay } from "./flipping-relay.ts";
export { listen } from "./listen.ts";
export type { Listening, ListenOptions } from "./listen.ts";
export { fieldValues, parseMessage } from "./parse-message.ts";
export type { ParsedMessage, ParseMessageOptions } from "./parse-message.ts";
export { rawClient } from "./raw-client.ts";
export type { RawClientOptions } from "./raw-client.ts";
export { RawConnection } from "./raw-connection.ts";
export { rawServer } from "./raw-server.ts";
export type { RawServer, RawServerOptions } from "./raw-server.ts";
export { streamContract } from "./stream-contract.ts";
export type { StreamContractOptions, StreamSubject } from "./stream-contract.ts";
export { tempDir } from "./temp-dir.ts";
export { terminalScreen } from "./terminal-screen.ts";
export { reasonWithoutSession, TerminalSession } from "./terminal-session.ts";
export { commandEnvironment, spawnTrailsum, startTrailsum, trailsum } from "./trailsum.ts";
export type { RunningTrailsum, TrailsumOptions, TrailsumProcess, TrailsumResult } from "./trailsum.ts";
