export { TrailerAgent, type TrailerAgentOptions } from "./trailer-agent.ts";
export type { ConnectOptions } from "./connector.ts";
export type { TrailerDispatchOptions, TrailersInit } from "./outgoing-request.ts";
export type { FieldsInit } from "./request-fields.ts";
