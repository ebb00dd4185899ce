import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  FieldLines,
  parseSignatureKeys,
  type SignableMessage,
  signUpload,
  verifyUploadSignature,
} from "../../src/index.ts";
import { signatureBase } from "../../src/signatures/signature-base.ts";
import { formatSignature, parseSignatures } from "../../src/signatures/signature-fields.ts";
import { isSignedBy, signBase, type SignatureKey } from "../../src/signatures/signature-keys.ts";

/** The keys of RFC 9421 appendix B.1.4 and B.1.5. */
const [ed25519, hmac] = parseSignatureKeys(
  JSON.stringify({
    keys: [
      {
        kty: "OKP",
        crv: "Ed25519",
        kid: "test-key-ed25519",
        d: "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU",
        x: "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
      },
      {
        kty: "oct",
        kid: "test-shared-secret",
        k: "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ",
      },
    ],
  }),
) as [SignatureKey, SignatureKey];

/** The request of appendix B.2. */
const request: SignableMessage = {
  method: "POST",
  path: "/foo",
  query: "param=Value&Pet=dog",
  authority: "example.com",
  header: FieldLines.from([
    ["Host", "example.com"],
    ["Date", "Tue, 20 Apr 2021 02:07:55 GMT"],
    ["Content-Type", "application/json"],
    ["Content-Length", "18"],
  ]),
  trailer: FieldLines.empty,
};

describe("the test cases of RFC 9421 appendix B.2", () => {
  test.each([
    [
      "B.2.5, hmac-sha256",
      hmac,
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
      "sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
    ],
    [
      "B.2.6, ed25519",
      ed25519,
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
      "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    ],
  ])("%s: the signature is made, written and verified as published", (_name, key, input, value) => {
    const lines = [
      ["Signature-Input", input],
      ["Signature", value],
    ] as const;
    const [parsed] = parseSignatures(FieldLines.from(lines))!;
    const base = signatureBase(request, parsed!);
    expect(formatSignature(parsed!.label, parsed!, signBase(base, key))).toEqual(lines);
    const verifying = key.algorithm === "ed25519" ? { ...key, key: createPublicKey(key.key) } : key;
    expect(isSignedBy(base, parsed!.signature, verifying)).toBe(true);
    expect(isSignedBy(`${base} `, parsed!.signature, verifying)).toBe(false);
  });

  test("B.2.6: the signature base is the published one", () => {
    const input =
      '("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
    const fields = FieldLines.from([
      ["Signature-Input", `s=${input}`],
      ["Signature", "s=:AA==:"],
    ]);
    expect(signatureBase(request, parseSignatures(fields)![0]!).split("\n")).toEqual([
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@method": POST',
      '"@path": /foo',
      '"@authority": example.com',
      '"content-type": application/json',
      '"content-length": 18',
      `"@signature-params": ${input}`,
    ]);
  });
});

const now = 1_800_000_000;
const digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

/** An upload that is signed with `key`, and what `change` makes of it. */
function signed(key: SignatureKey, change: Partial<SignableMessage> = {}, created = now): SignableMessage {
  const trailer = FieldLines.from([["Content-Digest", digest]]);
  const upload: SignableMessage = { ...request, method: "PUT", query: undefined, trailer };
  const lines = signUpload(upload, key, { created });
  return { ...upload, trailer: FieldLines.from([...trailer, ...lines]), ...change };
}

const publicKey: SignatureKey = { ...ed25519, key: createPublicKey(ed25519.key) };
const verify = (message: SignableMessage, keys = [publicKey, hmac]): SignatureKey =>
  verifyUploadSignature(message, { keys, now });

describe("a signed upload", () => {
  test.each([
    ["ed25519", ed25519],
    ["hmac-sha256", hmac],
  ])("verifies with %s, by trailers that name what they cover", (_name, key) => {
    const message = signed(key);
    expect(verify(message).keyId).toBe(key.keyId);
    expect(message.trailer.get("Signature-Input")).toBe(
      `trailsum=("@method" "@path" "content-type" "content-digest";tr);created=${now};keyid="${key.keyId}";alg="${key.algorithm}"`,
    );
  });

  const replaced = (name: string, value: string): Partial<SignableMessage> => ({
    trailer: signed(ed25519).trailer.set(name, value),
  });
  test.each<[string, Partial<SignableMessage>]>([
    ["another method", { method: "POST" }],
    ["another path", { path: "/bar" }],
    ["a query that was added", { query: "" }],
    ["another content type", { header: FieldLines.from([["Content-Type", "text/html"]]) }],
    ["no content type", { header: FieldLines.empty }],
    ["another digest", replaced("Content-Digest", `sha-256=:${randomBytes(32).toString("base64")}:`)],
    [
      "a digest in the header alone",
      { trailer: FieldLines.empty, header: FieldLines.from([["Content-Digest", digest]]) },
    ],
    ["no trailers", { trailer: FieldLines.empty }],
    [
      "a second digest line",
      { trailer: signed(ed25519).trailer.with("Content-Digest", "md5=:rL0Y20zC+Fzt72VPzMSk2A==:") },
    ],
    ["another signature", replaced("Signature", "trailsum=:AAAA:")],
    ["a signature under another label", replaced("Signature", "other=:AAAA:")],
    ["an input that is not one", replaced("Signature-Input", "trailsum=1")],
    [
      "a component that is not known",
      replaced("Signature-Input", `trailsum=("@status");created=${now};keyid="test-key-ed25519"`),
    ],
    ["fewer components", replaced("Signature-Input", `trailsum=("@method");created=${now};keyid="test-key-ed25519"`)],
    [
      "the digest of the header in its place",
      replaced(
        "Signature-Input",
        `trailsum=("@method" "@path" "content-type" "content-digest");created=${now};keyid="test-key-ed25519"`,
      ),
    ],
    ["no time", replaced("Signature-Input", 'trailsum=("@method");keyid="test-key-ed25519"')],
  ])("does not verify with %s", (_what, change) => {
    expect(() => verify(signed(ed25519, change))).toThrow(
      expect.objectContaining({ code: "SIGNATURE_INVALID", status: 400 }),
    );
  });

  test("does not verify by a key of another name, another key of its name, or one for another algorithm", () => {
    const other = generateKeyPairSync("ed25519").publicKey;
    const code = expect.objectContaining({ code: "SIGNATURE_INVALID" });
    expect(() => verify(signed(ed25519), [hmac])).toThrow(code);
    expect(() => verify(signed(ed25519), [{ ...publicKey, key: other }])).toThrow(code);
    expect(() => verify(signed(ed25519), [{ ...hmac, keyId: publicKey.keyId }])).toThrow(code);
  });

  test("verifies for five minutes", () => {
    expect(verify(signed(hmac, {}, now - 300)).keyId).toBe(hmac.keyId);
    for (const created of [now - 301, now + 301]) {
      expect(() => verify(signed(hmac, {}, created))).toThrow(/too old/);
    }
  });

  test("is not made of a digest that is weaker than sha-256", () => {
    const trailer = FieldLines.from([["Content-Digest", "md5=:rL0Y20zC+Fzt72VPzMSk2A==:"]]);
    const key = ed25519;
    expect(() => signUpload({ ...request, trailer }, key, { created: now })).toThrow(/sha-256/);
  });

  test("what a stranger writes into the fields throws nothing but SIGNATURE_INVALID", () => {
    const text = fc.oneof(fc.string({ unit: "grapheme-ascii" }), fc.constantFrom('a=("@path")', "a=:AA==:", "a=1;tr"));
    fc.assert(
      fc.property(text, text, (input, value) => {
        const trailer = FieldLines.from([
          ["Content-Digest", digest],
          ["Signature-Input", input],
          ["Signature", value],
        ]);
        expect(() => verify({ ...request, trailer })).toThrow(expect.objectContaining({ code: "SIGNATURE_INVALID" }));
      }),
    );
  });
});

test.each([
  ["not JSON", "secret"],
  ["no name", '{"kty":"oct","k":"AA"}'],
  ["a short secret", '{"kty":"oct","kid":"a","k":"AAAA"}'],
  ["another curve", '{"kty":"EC","crv":"P-256","kid":"a","x":"AA","y":"AA"}'],
  ["half a key", '{"kty":"OKP","crv":"Ed25519","kid":"a"}'],
])("keys are refused with %s, and not repeated in the message", (_what, text) => {
  expect(() => parseSignatureKeys(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
  expect(() => parseSignatureKeys(text)).not.toThrow(/secret"|AAAA/);
});
