import { createPublicKey, generateKeyPairSync } from "node:crypto";

import { expect, test } from "vitest";

import { FieldLines, parseSignatureKeys, type ReceiptResponse, signReceipt, verifyReceipt } from "../../src/index.ts";

const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const [key] = parseSignatureKeys(pem);
const keys = [{ ...key!, key: createPublicKey(pem) }];
const created = 1_800_000_000;
const now = created + 10 * 365 * 86_400;

const receipt = { path: "a", size: 0, digests: {}, verdict: "verified", verifiedBy: [], algorithms: [] };

function signed(change: Partial<ReceiptResponse> = {}): ReceiptResponse {
  const response = {
    status: 201,
    header: FieldLines.from([["Content-Type", "application/json"]]),
    content: Buffer.from(JSON.stringify(receipt)),
    ...change,
  };
  const header = FieldLines.from([...response.header, ...signReceipt(response, key!, { created })]);
  return { ...response, header };
}

test("a signed receipt verifies years later, and says when it was signed and by which key", () => {
  expect(verifyReceipt(signed(), { keys, now })).toEqual({
    receipt,
    keyId: key!.keyId,
    signed: new Date(created * 1_000),
  });
});

const { header } = signed();
test.each<[string, ReceiptResponse]>([
  ["another status", { ...signed(), status: 200 }],
  ["other content", { ...signed(), content: Buffer.from(JSON.stringify({ ...receipt, path: "b" })) }],
  ["another digest", { ...signed(), header: header.set("Content-Digest", "sha-256=:AAAA:") }],
  ["no signature", { ...signed(), header: header.delete("Signature").delete("Signature-Input") }],
  ["half a signature", { ...signed(), header: header.delete("Signature") }],
  ["fewer components", { ...signed(), header: header.set("Signature-Input", `trailsum=();keyid="${key!.keyId}"`) }],
  ["the signature of other content", signed({ content: Buffer.from("{}") })],
  ["the signature of a refusal", signed({ status: 400 })],
])("a receipt is refused with %s", (_what, response) => {
  expect(() => verifyReceipt(response, { keys, now })).toThrow(expect.objectContaining({ code: "SIGNATURE_INVALID" }));
});

test("a receipt is refused by another key, and after it has expired", () => {
  const others = parseSignatureKeys(
    generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" }).toString(),
  );
  const code = expect.objectContaining({ code: "SIGNATURE_INVALID" });
  expect(() => verifyReceipt(signed(), { keys: others, now })).toThrow(code);
  expect(() => verifyReceipt(signed(), { keys: [{ ...others[0]!, keyId: key!.keyId }], now })).toThrow(code);
  const plain = { ...signed(), header: FieldLines.from([["Content-Type", "application/json"]]) };
  const lines = signReceipt(plain, key!, { created, expires: now - 1 });
  const expired = { ...plain, header: FieldLines.from([...plain.header, ...lines]) };
  expect(() => verifyReceipt(expired, { keys, now })).toThrow(/expired/);
});
