export { ChunkedDecoder } from "./chunked-decoder.ts";
export { parseContentLength } from "./content-length.ts";
export { checkOctets, parseFieldSection } from "./field-section.ts";
export { type OctetClass, octetClass, TOKEN } from "./octet-class.ts";
export { sectionEnd } from "./section-end.ts";
export { SyntaxFault, type SyntaxFaultCode } from "./syntax-fault.ts";
export { readTrailerSection, type TrailerSection, type TrailerSectionLimits } from "./trailer-section.ts";
export { isChunked } from "./transfer-coding.ts";
export { type ByteSink, MessageWriter } from "./message-writer.ts";
