// Sends requests on bare sockets and reads every answer to its end, trailers included. A process of its own, controlled by its
// parent what to do, task by task.
import { closedLoop } from "./closed-loop.ts";
import type { ChunkSize, Content, ExchangeName } from "./exchange.ts";
import { firstAnswers } from "./first-answers.ts";
import { Http1Lane } from "./http1-lane.ts";
import { http2Lanes } from "./http2-lane.ts";
import { http2SenderOf } from "./http2-senders.ts";
import type { Lane } from "./lane.ts";
import type { LoadTask } from "./load.ts";
import { openLoop } from "./open-loop.ts";
import { type Judge, senderOf } from "./senders.ts";

const large = JSON.parse(process.argv[2] ?? "") as Content;
let idle: readonly Lane[] = [];

/** Where requests of a kind are to be sent. */
interface Way {
  readonly port: number;
  readonly tls?: boolean | undefined;
  readonly exchange: ExchangeName;
  readonly lanes: number;
  readonly perConnection?: number | undefined;
  readonly chunks?: ChunkSize | undefined;
}

function lanesOf({ port, tls = false, exchange, lanes, perConnection = 1, chunks }: Way): {
  lanes: Lane[];
  judge: Judge;
} {
  switch (exchange) {
    case "grpc-unary":
    case "http2-response":
    case "http2-request":
    case "http2-large-request": {
      const sender = http2SenderOf(exchange, { port, tls }, large);
      return { lanes: http2Lanes({ port, tls }, sender, lanes, perConnection), judge: sender.judge };
    }
    default: {
      const { send, judge } = senderOf(exchange, port, large, chunks);
      return { lanes: Array.from({ length: lanes }, () => new Http1Lane(port, send)), judge };
    }
  }
}

async function carryOut(task: LoadTask): Promise<unknown> {
  switch (task.kind) {
    case "closed-loop": {
      const { lanes, judge } = lanesOf(task);
      return closedLoop(task, lanes, judge);
    }
    case "open-loop": {
      const { lanes, judge } = lanesOf(task);
      return openLoop(task, lanes, judge);
    }
    case "open-idle": {
      const { lanes, judge } = lanesOf(task);
      await firstAnswers(lanes, judge);
      idle = [...idle, ...lanes];
      return true;
    }
    case "close-idle":
      for (const lane of idle) lane.close();
      idle = [];
      return true;
  }
}

process.on("message", (task: LoadTask) => {
  void carryOut(task).then(
    (outcome) => process.send!({ outcome }),
    (error: Error) => process.send!({ failure: error.message }),
  );
});
process.on("disconnect", () => process.exit());
