export { ErrorCode, errorCodeName } from "./error-code.ts";
export { ConnectionFault, StreamFault } from "./fault.ts";
