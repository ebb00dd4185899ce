// What Node's event loop offers, as it was when this module was loaded. Fake timers in tests (sinon, vitest, jest)
// replace the globals, and nothing would be sent until a test advances the fake clock.

/** Node's own `queueMicrotask`. */
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
/** Node's own `setImmediate`. */
export const setImmediate: typeof globalThis.setImmediate = globalThis.setImmediate;
/** Node's own `clearImmediate`. */
export const clearImmediate: typeof globalThis.clearImmediate = globalThis.clearImmediate;
