import type { IncomingMessage, ServerResponse } from "node:http";

import { createDigester, FieldLines } from "@trailsum/shared";
import { expect, onTestFinished, test } from "vitest";

import { TrailerAgent } from "../../src/index.ts";
import {
  appendToUpload,
  askForUploadState,
  askForUploadSupport,
  cancelUpload,
  completeUpload,
  creationFields,
  namedUploadResource,
  type UploadRequesting,
} from "../../src/upload/upload-resource-requests.ts";
import { httpServer, rejection } from "../transfer/peers.ts";

interface Asked {
  readonly line: string;
  readonly header: FieldLines;
  readonly content: string;
}

async function server(answer: (response: ServerResponse, asked: Asked) => unknown) {
  const asked: Asked[] = [];
  const { url } = await httpServer(async (request: IncomingMessage, response) => {
    let content = "";
    for await (const piece of request) content += String(piece);
    const line = `${request.method} ${request.url}`;
    const one = { line, header: FieldLines.fromRaw(request.rawHeaders), content };
    asked.push(one);
    answer(response, one);
  });
  return { hop: { url: new URL("/dir/it", url), trusted: true }, asked };
}

function requesting(headers: Record<string, string> = {}): UploadRequesting {
  const dispatcher = new TrailerAgent();
  onTestFinished(() => dispatcher.close());
  return { dispatcher, headers, signal: undefined };
}

async function digestsOf(text: string) {
  const digester = await createDigester(["md5"]);
  digester.update(Buffer.from(text));
  return digester.digest();
}

test("asks with OPTIONS what a target supports, and finds where to probe", async () => {
  const { hop, asked } = await server((response) =>
    response
      .writeHead(204, {
        "Upload-Draft-Interop-Version": "8",
        "Upload-Limit": "max-age=3600",
        Link: '<x>; rel="next", <../.trailsum/probe>; rel="urn:trailsum:probe"',
      })
      .end(),
  );
  const support = await askForUploadSupport(hop, requesting({ Authorization: "Bearer x", "If-None-Match": "*" }));
  expect(support.uploadResources).toBe(true);
  expect(support.probe?.pathname).toBe("/.trailsum/probe");
  expect(asked.map(({ line }) => line)).toEqual(["OPTIONS /dir/it"]);
  expect(asked[0]!.header.get("Authorization")).toBe("Bearer x");
  expect(asked[0]!.header.has("If-None-Match")).toBe(false);
});

test.each([
  ["no fields at all", 204, {}],
  ["another version", 204, { "Upload-Draft-Interop-Version": "6", "Upload-Limit": "min-size=0" }],
  ["a refusal", 405, { "Upload-Draft-Interop-Version": "8", "Upload-Limit": "min-size=0" }],
  ["a probe elsewhere", 204, { Link: '<http://other.test/.trailsum/probe>; rel="urn:trailsum:probe"' }],
])("takes a server for one without upload resources that answers with %s", async (_what, status, fields) => {
  const { hop } = await server((response) => response.writeHead(status, fields).end());
  expect(await askForUploadSupport(hop, requesting())).toEqual({ uploadResources: false, probe: undefined });
});

test("appends, asks for the offset, completes with the digest in the header, and cancels", async () => {
  const { hop, asked } = await server((response, { line }) =>
    line.startsWith("HEAD")
      ? response.writeHead(204, { "Upload-Offset": "3", "Upload-Complete": "?0", "Upload-Length": "6" }).end()
      : response.writeHead(line.startsWith("PATCH") ? 201 : 204, { "Upload-Complete": "?1" }).end(),
  );
  const resource = { hop, target: hop.url, offset: undefined };
  const how = requesting({ Authorization: "Bearer x", "Content-Type": "text/plain", "If-Match": '"x"' });
  await appendToUpload(resource, { offset: 0, complete: false, body: "abc" }, how);
  expect(await askForUploadState(resource, how)).toEqual({ offset: 3, complete: false, length: 6 });
  const { status } = await completeUpload(resource, await digestsOf("abcdef"), how);
  await cancelUpload(resource, how);
  expect(status).toBe(201);
  expect(asked.map(({ line, content }) => `${line} ${content}`)).toEqual([
    "PATCH /dir/it abc",
    "HEAD /dir/it ",
    "PATCH /dir/it ",
    "DELETE /dir/it ",
  ]);
  const fields = (at: number): (string | undefined)[] =>
    ["Upload-Offset", "Upload-Complete", "Upload-Draft-Interop-Version", "Content-Type", "If-Match"].map((name) =>
      asked[at]!.header.get(name),
    );
  expect(fields(0)).toEqual(["0", "?0", "8", "application/partial-upload", undefined]);
  expect(fields(2)).toEqual(["6", "?1", "8", "application/partial-upload", undefined]);
  expect(asked[2]!.header.get("Repr-Digest")).toBe("md5=:6AtQFwmJUPxYqtg8jBSXjg==:");
  expect(asked[2]!.header.get("Content-Length")).toBe("0");
});

test("rejects for an upload resource that is gone, and for one that says no offset", async () => {
  const gone = await server((response) => response.writeHead(404).end());
  expect(
    (await rejection(askForUploadState({ hop: gone.hop, target: gone.hop.url, offset: 0 }, requesting()))).status,
  ).toBe(404);
  const silent = await server((response) => response.writeHead(204).end());
  expect(
    (await rejection(askForUploadState({ hop: silent.hop, target: silent.hop.url, offset: 0 }, requesting()))).code,
  ).toBe("PROTOCOL");
});

test("follows no Location that leads from TLS to cleartext, and sends no credentials to another origin", () => {
  const hop = { url: new URL("https://host.test/a/it"), trusted: true };
  const named = (location: string) =>
    namedUploadResource(
      hop,
      FieldLines.from([
        ["Upload-Draft-Interop-Version", "8"],
        ["Location", location],
      ]),
    );
  expect(named("/.trailsum/uploads/1")?.hop).toEqual({
    url: new URL("https://host.test/.trailsum/uploads/1"),
    trusted: true,
  });
  expect(named("https://other.test/u")?.hop.trusted).toBe(false);
  expect(named("http://host.test/u")).toBeUndefined();
  expect(namedUploadResource(hop, FieldLines.from([["Location", "/u"]]))).toBeUndefined();
});

test("says with the creation whether all of the content comes with it", () => {
  const version = ["Upload-Draft-Interop-Version", "8"];
  expect(creationFields({ complete: false, interim: true })).toEqual([version, ["Upload-Complete", "?0"]]);
  expect(creationFields({ complete: true, interim: true })).toEqual([version, ["Upload-Complete", "?1"]]);
  expect(creationFields({ complete: false, interim: false })).toEqual([["Upload-Complete", "?0"]]);
});

test("takes the Location of an upload resource as relative to where the request went", () => {
  const at = { url: new URL("https://host/prefix/files/a/it?q"), trusted: true };
  const named = (location: string): string | undefined =>
    namedUploadResource(
      at,
      FieldLines.from([
        ["Location", location],
        ["Upload-Draft-Interop-Version", "8"],
      ]),
    )?.hop.url.href;
  // A proxy has removed `/prefix` from the path that the server saw.
  expect(named("../.trailsum/uploads/1")).toBe("https://host/prefix/files/.trailsum/uploads/1");
  expect(named(".trailsum/uploads/1")).toBe("https://host/prefix/files/a/.trailsum/uploads/1");
  expect(named("/files/.trailsum/uploads/1")).toBe("https://host/files/.trailsum/uploads/1");
});
