import { createHash, createPublicKey, generateKeyPairSync, randomBytes, verify as verifyBytes } from "node:crypto";

import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import {
  type FieldLine,
  FieldLines,
  formatUploadTarget,
  parseSignatureKeys,
  type SignableRequest,
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
const request: SignableRequest = {
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

/** The response, its signature and the key of appendix B.2.4 and B.1.3: of an algorithm that is not used here. */
test("B.2.4: the signature base of a response is the one that was signed", () => {
  const fields = FieldLines.from([
    ["Content-Type", "application/json"],
    [
      "Content-Digest",
      "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
    ],
    ["Content-Length", "23"],
    [
      "Signature-Input",
      'sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
    ],
    ["Signature", "sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:"],
  ]);
  const [parsed] = parseSignatures(fields)!;
  const base = signatureBase({ status: 200, header: fields, trailer: FieldLines.empty }, parsed!);
  const der =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==";
  const key = createPublicKey({ key: Buffer.from(der, "base64"), format: "der", type: "spki" });
  expect(verifyBytes("sha256", Buffer.from(base), { key, dsaEncoding: "ieee-p1363" }, parsed!.signature)).toBe(true);
  expect(() => signatureBase(request, parsed!)).toThrow(/@status/);
});

const now = 1_800_000_000;
const digest = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

/** An upload that is signed with `key`, and what `change` makes of it. */
function signed(key: SignatureKey, change: Partial<SignableRequest> = {}, created = now): SignableRequest {
  const trailer = FieldLines.from([["Content-Digest", digest]]);
  const upload: SignableRequest = { ...request, method: "PUT", query: undefined, trailer };
  const lines = signUpload(upload, key, { created });
  return { ...upload, trailer: FieldLines.from([...trailer, ...lines]), ...change };
}

const publicKey: SignatureKey = { ...ed25519, key: createPublicKey(ed25519.key) };
const verify = (message: SignableRequest, keys = [publicKey, hmac]): SignatureKey =>
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

  const replaced = (name: string, value: string): Partial<SignableRequest> => ({
    trailer: signed(ed25519).trailer.set(name, value),
  });
  test.each<[string, Partial<SignableRequest>]>([
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

  test("verifies no longer than it says", () => {
    const trailer = FieldLines.from([["Content-Digest", digest]]);
    const upload = { ...request, trailer };
    const lines = signUpload(upload, hmac, { created: now - 10, expires: now - 1 });
    expect(lines[0]![1]).toContain(`;created=${now - 10};expires=${now - 1};`);
    const message = { ...upload, trailer: FieldLines.from([...trailer, ...lines]) };
    expect(() => verify(message)).toThrow(/too old/);
    expect(verifyUploadSignature(message, { keys: [hmac], now: now - 2 }).keyId).toBe(hmac.keyId);
  });

  test("is in the header with a digest there, and as old as the header", () => {
    const header = FieldLines.from([["Repr-Digest", digest]]);
    const upload = { ...request, header };
    const lines = signUpload(upload, hmac, { created: now });
    expect(lines[0]![1]).toContain('("@method" "@path" "@query" "repr-digest")');
    const message = { ...upload, header: FieldLines.from([...header, ...lines]) };
    expect(verify(message).keyId).toBe(hmac.keyId);
    const options = { keys: [hmac], now: now + 3_600 };
    expect(() => verifyUploadSignature(message, options)).toThrow(/too old/);
    expect(verifyUploadSignature(message, { ...options, begun: now }).keyId).toBe(hmac.keyId);
  });

  test("covers a digest of the content, whatever other digest is right", () => {
    const content = createHash("sha256").update("other").digest();
    const message = signed(hmac);
    const header = message.header.with("Repr-Digest", `sha-256=:${content.toString("base64")}:`);
    const computed = { size: 5, values: new Map([["sha-256", content] as const]) };
    const options = { keys: [hmac], now };
    expect(() => verifyUploadSignature({ ...message, header }, { ...options, computed })).toThrow(/no digest/);
    const right = { size: 0, values: new Map([["sha-256", Buffer.from(digest.slice(9, -1), "base64")] as const]) };
    expect(verifyUploadSignature(message, { ...options, computed: right }).keyId).toBe(hmac.keyId);
  });

  test("covers further fields that must have a value", () => {
    const target = formatUploadTarget({ target: "/a?b", contentType: 'text/plain; x="y"' });
    expect(target).toEqual(["Upload-Target", String.raw`"/a?b";type="text/plain; x=\"y\""`]);
    expect(() => formatUploadTarget({ target: "/\u00e9" })).toThrow(expect.objectContaining({ code: "NOT_SUPPORTED" }));
    const header = FieldLines.from([["Repr-Digest", digest], target]);
    const lines = signUpload({ ...request, header }, hmac, { created: now, fields: ["Upload-Target"] });
    const message = { ...request, header: FieldLines.from([...header, ...lines]) };
    const required = (fields: readonly FieldLine[]) => () =>
      verifyUploadSignature(message, { keys: [hmac], now, fields });
    expect(required([target])().keyId).toBe(hmac.keyId);
    expect(required([formatUploadTarget({ target: "/b" })])).toThrow(/another upload/);
    expect(required([["Date", "now"]])).toThrow(/does not cover date/);
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

test("a key in PEM is named by its thumbprint, the same for both halves", () => {
  // RFC 8037 appendix A.3.
  const jwk = { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
  const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" }).toString();
  expect(parseSignatureKeys(pem)[0]).toMatchObject({
    keyId: "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
    algorithm: "ed25519",
  });
  const { privateKey, publicKey: half } = generateKeyPairSync("ed25519");
  const [one] = parseSignatureKeys(privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  const [other] = parseSignatureKeys(half.export({ type: "spki", format: "pem" }).toString());
  expect([one!.key.type, other!.key.type, one!.keyId]).toEqual(["private", "public", other!.keyId]);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" });
  const damaged = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
  for (const text of [rsa.toString(), damaged])
    expect(() => parseSignatureKeys(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
});
