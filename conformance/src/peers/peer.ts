import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { findProgram } from "@trailsum/testkit/installed-program";

import type { Combination } from "../combination.ts";

/** What a peer is started with. */
interface PeerPlace extends PeerManner {
  /** Where it has to listen, on 127.0.0.1. */
  readonly port: number;
  /** Where its origin listens, on 127.0.0.1. */
  readonly originPort: number;
  /** An empty directory for whatever it needs. */
  readonly directory: string;
}

/** A certificate and its key, PEM, in files; and both in one file. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** For software that reads both from one file. */
  readonly bothFile?: string;
}

/** How a peer is to go about it. */
export interface PeerManner {
  /** How many seconds it waits for an answer, where that can be configured. */
  readonly timeout: number;
  /** How many idle connections to its origin it keeps; without this as many as it would unasked. */
  readonly keep?: number | undefined;
  /** What it speaks; HTTP/2 in the clear from the first byte, unless it cannot. Without this HTTP/1.1 on both sides. */
  readonly combination?: Combination;
  /** A certificate and its key, PEM, in files, for a peer that speaks HTTP/2 over TLS alone. */
  readonly tls?: CertificateFiles | undefined;
  /** Have it speak TLS with its clients, with this certificate, and offer the version of `combination` by ALPN. */
  readonly secure?: CertificateFiles | undefined;
  /** Leave requests and responses buffered where it buffers them by default, instead of having it stream. */
  readonly buffered?: boolean;
}

/** Other software that does the same job. */
export interface Peer {
  readonly name: string;
  /** The command that installs it, on Debian where that matters. */
  readonly install: string;
  /** What it can speak. Without this HTTP/1.1 on both sides. */
  readonly combinations?: readonly Combination[];
  /** Where it speaks HTTP/2 it does so over TLS, and accepts any certificate. */
  readonly overTls?: boolean;
  /** Its version, if it is there. */
  version(): Promise<string | undefined>;
  /** The command that runs it in the foreground. */
  command(place: PeerPlace): Promise<readonly string[]>;
}

/** What `program` says of its version: the first thing in its output that looks like one. */
export async function versionOf(program: string, ...args: readonly string[]): Promise<string | undefined> {
  const path = await findProgram(program);
  if (path === undefined) return undefined;
  const { stdout, stderr } = await promisify(execFile)(path, args);
  return /\d+\.\d+(?:\.\d+)?/.exec(stdout + stderr)?.[0];
}
