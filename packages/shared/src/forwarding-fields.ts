import { foldedFieldName } from "./field-syntax.ts";

/**
 * The fields in which a proxy describes its client to the next hop: the client's address, host, scheme, port, certificate
 * and the target that it asked for. No standard but RFC 7239 (`Forwarded`) and RFC 9440 (`Client-Cert`) lists them; these
 * are the ones that proxies, content delivery networks and load balancers write and that frameworks believe.
 */
const FORWARDING: ReadonlySet<string> = new Set(
  [
    "forwarded forwarded-for forwarded-host forwarded-proto forwarded-port via-proxy",
    "x-forwarded x-forwardedfor x-original-forwarded-for x-original-for x-original-host x-original-proto x-original-port",
    "x-real-ip x-real-port x-client-ip x-client-port x-cluster-client-ip x-originating-ip x-remote-ip x-remote-addr",
    "client-ip remote-addr proxy-client-ip wl-proxy-client-ip wl-proxy-ssl x-proxyuser-ip x-source-ip x-user-ip",
    "true-client-ip cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 cf-visitor cdn-src-ip ali-cdn-real-ip",
    "fastly-client-ip fastly-client fastly-ssl fly-client-ip cloudfront-viewer-address cloudfront-forwarded-proto",
    "x-nf-client-connection-ip do-connecting-ip x-vercel-forwarded-for x-vercel-proxied-for x-vercel-ip-address",
    "x-appengine-user-ip x-appengine-remote-addr x-azure-clientip x-azure-socketip x-arr-clientcert x-arr-ssl",
    "x-envoy-external-address x-envoy-internal x-envoy-original-path x-envoy-original-host",
    "x-host x-http-host-override x-scheme x-url-scheme x-proto x-protocol x-ssl x-https front-end-https",
    "x-original-url x-original-uri x-rewrite-url x-original-method x-script-name",
    "client-cert client-cert-chain x-client-cert x-ssl-cert x-ssl-client-cert ssl-client-cert",
  ].flatMap((line) => line.split(" ")),
);

const PREFIXES = /^(?:x-forwarded-|fly-forwarded-|(?:x-)?ssl-client-)/;

/**
 * Whether a field of this name describes the client or its request, as a proxy would: all of `X-Forwarded-*`,
 * `Forwarded`, `X-Real-IP`, `True-Client-IP` and similar fields, in any case and with `_` or other punctuation for `-`.
 */
export function isForwardingField(name: string): boolean {
  const folded = foldedFieldName(name);
  return FORWARDING.has(folded) || PREFIXES.test(folded);
}
