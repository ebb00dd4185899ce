import { ClientSession, ServerSession } from "../src/http2/index.ts";
import { Application } from "./application.ts";
import { OutputCheck } from "./output-check.ts";
import { RandomPeer } from "./peer.ts";
import { Random } from "./random.ts";

/** More output than this never waits: the limit for content, and room for control frames. Octets. */
const MOST_OUTPUT = 400_000;

/**
 * One connection with a random peer and a random application, all from one seed. Throws if the session throws, sends what cannot be parsed,
 * queues too much, or loses a stream.
 */
export function fuzzConnection(role: "client" | "server", seed: number): void {
  const random = new Random(seed);
  const application = new Application(random, true);
  const options = random.chance(0.5) ? {} : { streamWindow: random.size(100_000), maxHeaderListSize: 2000 };
  const session =
    role === "server"
      ? new ServerSession(application.handler(), options)
      : new ClientSession(application.handler(), options);
  application.session = session;
  const check = new OutputCheck(role);
  if (random.chance(0.3)) {
    application.onOutput = (): void => {
      check.read(Buffer.concat(session.takeOutput()));
      if (random.chance(0.01)) session.disconnected();
    };
  }
  session.start();
  const streams = random.below(6);
  if (session instanceof ClientSession) for (let asked = 0; asked < streams; asked += 1) application.ask(session);
  const peer = new RandomPeer(random, role === "server" ? "client" : "server", streams);
  const { bytes, granted } = peer.speak();
  for (let at = 0; at < bytes.length;) {
    const end = random.chance(0.3) ? at + 1 + random.below(20) : at + 1 + random.size(bytes.length - at);
    session.receive(bytes.subarray(at, end));
    at = end;
    if (session.outputLength > MOST_OUTPUT) throw new Error(`${session.outputLength} octets wait`);
    if (random.chance(0.7)) take(session, check);
    if (session instanceof ClientSession && random.chance(0.1)) application.ask(session);
  }
  take(session, check);
  session.disconnected();
  if (check.content > granted) throw new Error(`${check.content} octets of content, where ${granted} were allowed`);
  const { streams: begun, closedStreams, closed } = application;
  if (begun !== closedStreams || session.streamCount !== 0 || closed !== 1) {
    throw new Error(`${begun} streams, ${closedStreams} closed, ${session.streamCount} left; closed ${closed} times`);
  }
}

/** The events of a session with a random peer, whose octets arrive in pieces that `cut` chooses. */
export function eventsOf(role: "client" | "server", seed: number, cut: (left: number) => number): readonly string[] {
  const random = new Random(seed);
  const application = new Application(random, false);
  const session =
    role === "server" ? new ServerSession(application.handler()) : new ClientSession(application.handler());
  session.start();
  if (session instanceof ClientSession) for (let asked = 0; asked < 4; asked += 1) application.ask(session);
  const { bytes } = new RandomPeer(random, role === "server" ? "client" : "server", role === "server" ? 0 : 4).speak();
  for (let at = 0; at < bytes.length;) {
    const end = at + cut(bytes.length - at);
    session.receive(bytes.subarray(at, end));
    at = end;
  }
  session.disconnected();
  return application.events;
}

function take(session: ClientSession | ServerSession, check: OutputCheck): void {
  for (let turn = 0; ; turn += 1) {
    const output = Buffer.concat(session.takeOutput());
    if (output.length === 0) return;
    check.read(output);
    if (turn > 10_000) throw new Error("output without end");
  }
}
