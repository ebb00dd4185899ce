import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generate } from "selfsigned";

/** A key and a self-signed certificate for `localhost`, 127.0.0.1 and ::1, as PEM. Give `cert` as `ca` to its peers. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** Writes both into `directory`, or into a new one that is removed when the test ends, and returns their paths. */
  files(directory?: string): Promise<{ readonly keyFile: string; readonly certFile: string }>;
}

let shared: Promise<Certificate> | undefined;

/** The certificate of this test file: made once, on first use. */
export function certificate(): Promise<Certificate> {
  shared ??= make();
  return shared;
}

/** Another certificate, for what is renewed. */
export function newCertificate(): Promise<Certificate> {
  return make();
}

async function make(): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      // An authority for itself, so that every TLS library accepts it as its own trust anchor.
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", digitalSignature: true, keyCertSign: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
          { type: 7, ip: "::1" },
        ],
      },
    ],
  });
  const { private: key, cert } = made;
  return {
    key,
    cert,
    async files(given?: string) {
      const directory = given ?? (await directoryOfTest());
      const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
      await Promise.all([writeFile(keyFile, key, { mode: 0o600 }), writeFile(certFile, cert)]);
      return { keyFile, certFile };
    },
  };
}

/** Loaded where it is needed: nothing but a test has a directory that goes away with it. */
async function directoryOfTest(): Promise<string> {
  const { tempDir } = await import("./temp-dir.ts");
  return tempDir();
}
