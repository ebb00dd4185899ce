/** gRPC and its subtypes, and not gRPC-Web, whose status is in the content. */
const GRPC = /^application\/grpc(?:[+;]|$)/i;

/** Whether content of this type is a gRPC call's (gRPC over HTTP2, Requests). */
export function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && GRPC.test(contentType);
}
