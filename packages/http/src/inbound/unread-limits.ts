/** How much more a client may send of a request that has its answer, and for how long (ms), before it is cut off. */
export const unreadLimits: { readonly bytes: number; readonly time: number; readonly idle: number } = {
  bytes: 64 * 1024 * 1024,
  time: 10_000,
  idle: 1_000,
};
