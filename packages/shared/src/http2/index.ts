export { keepSessionForStream } from "./native-lifetime.ts";
export { sessionLimits, superviseSession } from "./session-wear.ts";
