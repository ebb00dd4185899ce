import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

import { createDigester, FieldLines, formatDigestField, parseDigestField } from "@trailsum/shared";
import { listen } from "@trailsum/testkit";

/** What the path to the server does to request trailers. */
type Path = "keeps" | "drops" | "kills" | "refuses";

/** Settings of {@link contractServer}. */
export interface ContractServerOptions {
  readonly path: Path;
  /** Whether it has upload resources and says so. Default true. */
  readonly uploads?: boolean;
  /** Whether it answers probes. Default: as `uploads`. */
  readonly probe?: boolean;
  /** Whether it names an upload resource by 104 while content comes. Default false. */
  readonly interim?: boolean;
}

/** A server that plays the contract between client and upload resources, behind a hop that does something to trailers. */
export interface ContractServer {
  readonly origin: string;
  /** Every request: method, path, and what happened. */
  readonly asked: string[];
  /** The header of every request, in the same order. */
  readonly headers: FieldLines[];
  /** What was published, by path. */
  readonly stored: Map<string, string>;
}

const VERSION = { "Upload-Draft-Interop-Version": "8" };

export async function contractServer(options: ContractServerOptions): Promise<ContractServer> {
  const { path, uploads = true, probe = uploads, interim = false } = options;
  const asked: string[] = [];
  const headers: FieldLines[] = [];
  const stored = new Map<string, string>();
  const staged = new Map<string, { target: string; content: string }>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: target = "" } = request;
    const header = FieldLines.fromRaw(request.rawHeaders);
    asked.push(`${method} ${target.replace(/uploads\/.*/, "uploads/ID")}`);
    headers.push(header);
    const id = `/.trailsum/uploads/${randomBytes(16).toString("hex")}`;
    if (interim && method === "PUT" && header.get("Upload-Complete") === "?1") {
      staged.set(id, { target, content: "" });
      response.socket?.write(
        `HTTP/1.1 104 Upload Resumption Supported\r\nLocation: ${id}\r\nUpload-Draft-Interop-Version: 8\r\n\r\n`,
      );
    }
    let content = "";
    for await (const piece of request) content += String(piece);
    const trailers = FieldLines.fromRaw(request.rawTrailers);
    if (trailers.length > 0 && path === "kills") {
      if (interim) for (const one of staged.values()) one.content = content;
      request.socket.destroy();
      return;
    }
    if (trailers.length > 0 && path === "refuses") return void response.writeHead(502).end();
    const arrived = path === "keeps" ? trailers : FieldLines.empty;
    if (method === "OPTIONS") {
      const link = probe ? { Link: '<.trailsum/probe>; rel="urn:trailsum:probe"' } : {};
      const fields = { ...(uploads ? { ...VERSION, "Upload-Limit": "min-size=0" } : {}), ...link };
      if (!probe || header.get("Content-Type") !== "application/vnd.trailsum.probe")
        return void response.writeHead(204, fields).end();
      const names = [...arrived].map(([name]) => name.toLowerCase());
      const report = { httpVersion: "1.1", method, size: content.length, hasLength: false, contentTime: 0, fields: [] };
      response.writeHead(200, { "Content-Type": "application/json", ...fields });
      response.end(JSON.stringify({ ...report, trailers: names }));
    } else if (method === "HEAD") {
      const offset = staged.get(target)?.content.length ?? 0;
      response.writeHead(204, { "Upload-Offset": String(offset), "Upload-Complete": "?0" }).end();
    } else if (method === "PATCH") {
      const upload = staged.get(target);
      const complete =
        header.get("Upload-Complete") === "?1" && Number(header.get("Upload-Offset")) === upload?.content.length;
      if (upload !== undefined && complete) await publish(response, upload.target, upload.content, header);
      else response.writeHead(404).end();
    } else if (header.get("Upload-Complete") === "?0") {
      staged.set(id, { target, content });
      const fields = { Location: id, "Upload-Offset": String(content.length), "Upload-Complete": "?0", ...VERSION };
      response.writeHead(201, fields).end();
    } else if (arrived.length > 0 || header.has("Repr-Digest")) {
      await publish(response, target, content, arrived.length > 0 ? arrived : header);
    } else {
      staged.set(id, { target, content });
      const fields = { Location: id, "Upload-Offset": String(content.length), "Upload-Complete": "?0", ...VERSION };
      response.writeHead(400, { "Content-Type": "application/problem+json", ...(uploads ? fields : {}) });
      response.end(JSON.stringify({ type: "urn:trailsum:problem:digest-missing", title: "missing", status: 400 }));
    }
  }

  async function publish(response: ServerResponse, target: string, content: string, proof: FieldLines): Promise<void> {
    const digester = await createDigester(["md5"]);
    digester.update(Buffer.from(content));
    const digests = digester.digest();
    const field = proof.has("Repr-Digest") ? "Repr-Digest" : "Content-Digest";
    const given = parseDigestField(proof.getAll(field)).digests.get("md5");
    const md5 = digests.values.get("md5")!;
    if (given?.equals(md5) !== true) {
      response.writeHead(400, { "Content-Type": "application/problem+json" });
      const type = "https://iana.org/assignments/http-problem-types#digest-mismatched-values";
      response.end(JSON.stringify({ type, title: "differs", status: 400 }));
      return;
    }
    stored.set(target, content);
    response.writeHead(201, { "Content-Type": "application/json", "Repr-Digest": formatDigestField(digests) });
    const receipt = { path: target.slice(1), size: content.length, digests: { md5: md5.toString("hex") } };
    response.end(JSON.stringify({ ...receipt, verdict: "verified", verifiedBy: [field] }));
  }

  const { origin } = await listen(
    createServer((request, response) => {
      request.on("error", () => {});
      answer(request, response).catch(() => response.destroy());
    }),
  );
  return { origin, asked, headers, stored };
}
