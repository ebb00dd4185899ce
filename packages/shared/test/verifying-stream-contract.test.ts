import { createHash } from "node:crypto";
import { pipeline } from "node:stream";

import { streamContract } from "@trailsum/testkit";

import { createVerifyingStream, decideVerdict, FieldLines } from "../src/index.ts";
import { lines } from "./message.ts";

streamContract("a verifying stream", {
  create(source) {
    const right = createHash("md5");
    let spoilt = false;
    // The sender's own digest, over what the source really gave.
    source.on("data", (chunk: Buffer) => right.update(chunk));
    const stream = createVerifyingStream({
      algorithms: ["md5"],
      decide(computed) {
        const md5 = spoilt ? "0".repeat(32) : right.digest("hex");
        return decideVerdict({ header: FieldLines.empty, trailer: lines(["Md5", md5]), computed });
      },
    });
    pipeline(source, stream, () => {});
    return { stream, spoil: () => void (spoilt = true) };
  },
});

streamContract("a verifying stream that only counts", {
  create(source) {
    let trailer = FieldLines.empty;
    const stream = createVerifyingStream({
      algorithms: [],
      decide: (computed) => decideVerdict({ header: FieldLines.empty, trailer, computed }),
      accept: ({ name }) => name === "unverified",
    });
    pipeline(source, stream, () => {});
    return { stream, spoil: () => void (trailer = lines(["Size", "1"])) };
  },
});
