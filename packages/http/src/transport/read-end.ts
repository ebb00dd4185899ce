let handling = false;
let waiting: (() => void)[] = [];

/** Handles bytes that were read, and then calls what waits for their end. */
export function handleRead<Result>(handle: (bytes: Buffer) => Result, bytes: Buffer): Result {
  handling = true;
  try {
    return handle(bytes);
  } finally {
    handling = false;
    if (waiting.length > 0) callWaiting();
  }
}

/**
 * Calls `write` when the bytes that are being handled have been handled to their end, or at once if there are none: what was cut from one
 * read leaves in one write.
 */
export function atReadEnd(write: () => void): void {
  if (handling) waiting.push(write);
  else write();
}

function callWaiting(): void {
  const all = waiting;
  waiting = [];
  for (const write of all) write();
}
