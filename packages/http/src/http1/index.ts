export { fieldLinesText } from "./field-lines-text.ts";
export type { ContentSink, MessageFraming, MessageLimits } from "./message-reader.ts";
export { type ByteSink, MessageWriter } from "./message-writer.ts";
export { RequestFault } from "./request-fault.ts";
export type { RequestHead } from "./request-head.ts";
export { RequestReader, type RequestSink } from "./request-reader.ts";
export type { ResponseHead } from "./response-head.ts";
export { ResponseReader, type ResponseSink } from "./response-reader.ts";
export { SyntaxFault, type SyntaxFaultCode } from "./syntax-fault.ts";
