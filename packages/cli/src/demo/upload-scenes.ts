import { upload } from "@trailsum/client";

import { failureOf, type Scene } from "./scene.ts";
import { startTrailerEater } from "./trailer-eater.ts";
import { startWireTap } from "./wire-tap.ts";

/** Where a bit of the request is flipped: somewhere in the content. */
const FLIPPED = 1_000_000;

function flipOneBit(piece: Buffer, offset: number): void {
  const at = FLIPPED - offset;
  if (at >= 0 && at < piece.length) piece[at] = piece[at]! ^ 1;
}

export const verifiedUpload: Scene = {
  name: "verified-upload",
  title: "Upload 8 MiB through the proxy. The digests follow the content.",
  async play({ file, front, behind, signal }) {
    const { status, receipt } = await upload(`${front.origin}/content`, file, { signal });
    return {
      ok: status === 201 && receipt?.verdict === "verified",
      exit: 0,
      seen: [
        `Status ${status}, verdict ${receipt?.verdict ?? "none"}: the server computed the same digests, and published the file.`,
      ],
      hops: [
        { hop: "client to proxy", record: front.sent() },
        { hop: "proxy to server", record: behind.sent() },
      ],
    };
  },
};

export const flippedBit: Scene = {
  name: "flipped-bit",
  title: "The same upload, through a hop that flips one bit.",
  async play({ file, front, behind, signal, atEnd, has }) {
    const liar = await startWireTap(new URL(front.origin), flipOneBit);
    atEnd(() => liar.close());
    const error = await failureOf(upload(`${liar.origin}/damaged`, file, { signal }));
    const isWhole = behind.sent().last.endsWith("\r\n\r\n");
    const isThere = await has("damaged");
    return {
      ok: error?.code === "DIGEST_MISMATCHED" && !isWhole && !isThere,
      exit: error?.meaning.exit ?? 0,
      seen: [
        `The proxy refused it: ${error?.message ?? "it did not"}`,
        `The server ${isWhole ? "received a complete request" : "never received a complete request"}, and ${isThere ? "has the file" : "has no such file"}.`,
      ],
    };
  },
};

export const lostTrailers: Scene = {
  name: "lost-trailers",
  title: "Upload through a hop that drops trailers, as many do.",
  async play({ file, serverUrl, signal, atEnd, has }) {
    const eater = await startTrailerEater(serverUrl);
    atEnd(() => eater.close());
    const error = await failureOf(upload(`${eater.origin}/lost`, file, { signal, delivery: "trailers" }));
    const isThere = await has("lost");
    return {
      ok: error?.code === "DIGEST_MISSING" && !isThere,
      exit: error?.meaning.exit ?? 0,
      seen: [
        `The server refused it: ${error?.message ?? "it did not"}`,
        `The server ${isThere ? "has the file" : "has no such file"}.`,
      ],
    };
  },
};

export const twoSteps: Scene = {
  name: "two-steps",
  title: "The same hop, with --delivery auto, which is the default.",
  async play({ file, serverUrl, signal, atEnd, has }) {
    const eater = await startTrailerEater(serverUrl);
    atEnd(() => eater.close());
    const { delivery, receipt } = await upload(`${eater.origin}/rescued`, file, { signal });
    return {
      ok: delivery.mode === "two-step" && receipt?.verdict === "verified" && (await has("rescued")),
      exit: 0,
      seen: [`Verdict ${receipt?.verdict ?? "none"}, delivered by ${delivery.mode}: ${delivery.reason}.`],
    };
  },
};
