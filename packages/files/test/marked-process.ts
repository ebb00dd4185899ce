// Run by process-mark.test.ts: says what its mark is, and waits to be killed.
import { ownMark } from "../src/process-mark.ts";

process.send?.(ownMark);
setInterval(() => {}, 60_000);
