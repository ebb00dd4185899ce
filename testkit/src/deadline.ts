/** How long anything in the testkit waits before it gives up, in milliseconds by default. */
export const defaultTimeout = 30_000;

/**
 * Settles as `promise` does, or rejects with what `describe()` says once `timeout` milliseconds have passed, so that a test
 * fails with a sentence instead of hanging until the runner kills it.
 */
export function deadline<T>(promise: Promise<T>, describe: () => string, timeout: number = defaultTimeout): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${describe()} (waited ${timeout} ms)`)), timeout);
  });
  return Promise.race([promise, expiry]).finally(() => clearTimeout(timer));
}

/** Resolves once `condition()` holds, asking every few milliseconds; rejects with `describe()` after `timeout` milliseconds. */
export async function until(
  condition: () => boolean,
  describe: () => string,
  timeout: number = defaultTimeout,
): Promise<void> {
  const end = performance.now() + timeout;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`${describe()} (waited ${timeout} ms)`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
