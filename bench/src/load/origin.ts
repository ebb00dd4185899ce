import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { certificate } from "@trailsum/testkit/certificate";

import type { Content } from "./exchange.ts";
import { Program } from "./program.ts";

/** Where the origin listens. */
export interface OriginPorts {
  readonly http1: number;
  /** Cleartext, by prior knowledge. */
  readonly http2: number;
  /** Over TLS. */
  readonly http2Tls: number;
}

/** Files with a certificate and its key, PEM. */
export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The origin process of the proxies. */
export class Origin {
  readonly ports: OriginPorts;
  /** Its certificate. */
  readonly tls: TlsFiles;
  readonly #program: Program;

  private constructor(program: Program, ports: OriginPorts, tls: TlsFiles) {
    this.#program = program;
    this.ports = ports;
    this.tls = tls;
  }

  /** Keeps what it needs in `directory`. */
  static async start(large: Content, directory: string): Promise<Origin> {
    const { cert, key } = await certificate();
    const tls = { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
    await Promise.all([writeFile(tls.certFile, cert), writeFile(tls.keyFile, key, { mode: 0o600 })]);
    const program = new Program("origin-program.ts", large, tls.certFile, tls.keyFile);
    return new Origin(program, await program.reported(), tls);
  }

  /** Closes the connections that proxies keep open to it. */
  closeAll(): Promise<void> {
    this.#program.child.send("close");
    return this.#program.reported();
  }

  get pid(): number {
    return this.#program.child.pid!;
  }

  stop(): Promise<void> {
    return this.#program.stop();
  }
}
