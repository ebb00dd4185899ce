import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { tempDir } from "@trailsum/testkit";
import { expect, test } from "vitest";

import { commandProcess } from "./support/command-process.ts";

const trailsum = commandProcess();

const url = "http://127.0.0.1:1/x";

/** Fields that say how the request is sent. */
const ownFields = [
  "Content-Length: 9",
  "transfer-encoding: gzip",
  "Connection: close",
  "Keep-Alive: 5",
  "Upgrade: x",
  "TE: gzip",
  "Trailer: X",
  "Proxy-Connection: x",
  "HTTP2-Settings: x",
];

/** What is typed, the exit status, and what is said: one line that says what to do. */
const rows: readonly (readonly [args: readonly string[], exit: number, says: string])[] = [
  [
    [],
    2,
    "missing command: upload, download, serve, proxy, verify, probe, completion, demo; run 'trailsum --help' for usage",
  ],
  [["uplaod", "it", url], 2, `unknown command "uplaod": did you mean upload?; run 'trailsum --help' for usage`],
  [["frobnicate"], 2, `unknown command "frobnicate"; run 'trailsum --help' for usage`],
  [
    ["upload", "it", url, "--jbos", "2"],
    2,
    "unknown flag --jbos: did you mean --jobs?; run 'trailsum upload --help' for usage",
  ],
  [
    ["serve", "--maxsize", "1"],
    2,
    "unknown flag --maxsize: did you mean --max-size?; run 'trailsum serve --help' for usage",
  ],
  [["verify", ".", "other"], 2, `unexpected argument "other"; run 'trailsum verify --help' for usage`],
  [["demo", "-"], 2, `unexpected argument "-"; run 'trailsum demo --help' for usage`],
  [
    ["upload", "it", url, "--digest", "--json=0"],
    2,
    `--json cannot be "0": it takes no value; run 'trailsum upload --help' for usage`,
  ],
  [["upload", "it", url, "-vv=1"], 2, "unknown flag -=; run 'trailsum upload --help' for usage"],
  [
    ["upload", "it", url, "--__proto__"],
    2,
    "unknown flag --__proto__: did you mean --proxy?; run 'trailsum upload --help' for usage",
  ],
  [["upload", "it", url, "-z"], 2, "unknown flag -z; run 'trailsum upload --help' for usage"],
  [["serve", "--port="], 2, "a value must follow --port; run 'trailsum serve --help' for usage"],
  [["serve", "--port", ""], 2, "a value must follow --port; run 'trailsum serve --help' for usage"],
  [["serve", "--no-port"], 2, "--port cannot be turned off: give it a value; run 'trailsum serve --help' for usage"],
  [
    ["upload", "it", url, "--no-digest"],
    2,
    "--digest cannot be turned off: give it a value; run 'trailsum upload --help' for usage",
  ],
  [
    ["upload", "it", url, "--json=maybe"],
    2,
    `--json cannot be "maybe": it takes no value; run 'trailsum upload --help' for usage`,
  ],
  [
    ["upload", "it", url, "--json.x", "1"],
    2,
    "unknown flag --json.x: did you mean --json?; run 'trailsum upload --help' for usage",
  ],
  [["download"], 2, "missing URL: trailsum download URL"],
  [["download", url, "extra"], 2, '"extra" has no scheme: write http://extra or https://extra'],
  [["download", url, url, "-o", "it"], 2, "2 URLs cannot all be written to it: name a directory, with / at its end"],
  [["download", url, "--checksum", "sha-256=12"], 2, "a sha-256 checksum has 64 hexadecimal digits"],
  [
    ["download", url, "--limit-rate", "fast"],
    2,
    "--limit-rate takes bytes per second, such as 500k, 2m or 1g (k is 1024)",
  ],
  [["download", url, "--jobs", "0"], 2, "--jobs takes a number from 1 to 1000"],
  [["download", url, "--recursive"], 2, `${url} is not a directory: end the URL with /`],
  ...ownFields.flatMap((field) =>
    [
      ["upload", "it", url],
      ["download", url],
    ].map(
      (args) =>
        [
          [...args, "-H", field],
          2,
          `${field.split(":")[0]} cannot be set with -H: it is part of how the request is sent`,
        ] as const,
    ),
  ),
  [["upload", "it", url, "-H", "Expect: x"], 2, '"Expect: x" cannot be sent: the only expectation is 100-continue'],
  [["upload"], 2, "missing file or URL: trailsum upload FILE URL"],
  [["upload", "it"], 2, "missing file or URL: trailsum upload FILE URL"],
  [["upload", "it", "host/x"], 2, '"host/x" has no scheme: write http://host/x or https://host/x'],
  [
    ["upload", "it", "localhost:8080/x"],
    2,
    '"localhost:8080/x" has no scheme: write http://localhost:8080/x or https://localhost:8080/x',
  ],
  [["upload", "it", "ftp://host/x"], 2, '"ftp://host/x" begins with ftp://: only http:// and https:// can be used'],
  [["upload", "it", "http://"], 2, '"http://" is not a valid URL: write something like https://host/path'],
  [["upload", "it", url, "--cert", "it"], 2, "--cert and --key belong together: give both"],
  [["upload", "it", url, "--cacert", "it"], 2, "it holds no PEM certificate"],
  [["download", url, "--cacert", "absent"], 5, "cannot read absent: ENOENT: no such file or directory, open 'absent'"],
  [
    ["probe", url, "--proxy", "socks5://user:secret@host"],
    2,
    "--proxy must be an HTTP proxy: http://host:port or https://host:port, and not socks5://",
  ],
  [
    ["download", url, "--proxy", "host:1", "--unix-socket", "it"],
    2,
    "--proxy and --unix-socket exclude each other: give one of them",
  ],
  [
    ["upload", "it", url, "--timeout-idle", "soon"],
    2,
    "--timeout-idle takes a number of seconds, 0 or more (0: no limit)",
  ],
  [["upload", "it", url, "--what"], 2, "unknown flag --what; run 'trailsum upload --help' for usage"],
  [
    ["upload", "it", url, "-X", "DELETE"],
    2,
    `--method cannot be "DELETE": use "PUT", "POST"; run 'trailsum upload --help' for usage`,
  ],
  [
    ["upload", "it", url, "--digest", "md5,md4"],
    2,
    'unknown digest algorithm "md4": use one of md5, sha, sha-256, sha-512, crc32c, crc32, crc64nvme',
  ],
  [["upload", "it", url, "--digest"], 2, "a value must follow --digest; run 'trailsum upload --help' for usage"],
  [
    ["upload", "it", url, "--digest", "md5", "--digest", "sha"],
    2,
    "--digest was given more than once: give it once; run 'trailsum upload --help' for usage",
  ],
  [["upload", "it", url, "-H", "nonsense"], 2, `"nonsense" is not a valid header field: write -H 'Name: value'`],
  [
    ["upload", "it", url, "-H", "Two words: x"],
    2,
    `"Two words: x" is not a valid header field: write -H 'Name: value'`,
  ],
  [
    ["upload", "it", url, "-H", "A: b\r\nC: d"],
    2,
    `"A: b\\r\\nC: d" is not a valid header field: write -H 'Name: value'`,
  ],
  [["upload", "it", url, "--jobs", "0"], 2, "--jobs takes a number from 1 to 1000"],
  [["upload", "it", url, "--jobs", "1e9"], 2, "--jobs takes a number from 1 to 1000"],
  [["proxy", url, "--workers", "1e9"], 2, "--workers takes a number from 1 to 256"],
  [["upload", "it", url, "--retry", "some"], 2, "--retry takes a number, 0 or more"],
  [
    ["upload", "-", "http://127.0.0.1:1/"],
    2,
    "standard input has no name: give it one, such as http://127.0.0.1:1/NAME",
  ],
  [["upload", "it", "other", url], 2, `2 files cannot all be uploaded as ${url}: end the URL with /`],
  [["upload", ".", url], 5, ". is a directory: to upload the files in it, end the URL with /"],
  [["upload", "absent", url], 5, "cannot read absent: no such file"],
  [["upload", "it/x", url], 5, "cannot read it/x: what should be its directory is a file"],
  [["download", url, "-o", "n".repeat(256)], 5, `cannot write ${"n".repeat(256)}: its name is too long`],
  [["download", "http://127.0.0.1:1/"], 2, "http://127.0.0.1:1/ has no file name: choose one with -o FILE"],
  [["download", "http://127.0.0.1:1/a%2Fb"], 2, "http://127.0.0.1:1/a%2Fb has no file name: choose one with -o FILE"],
  [["download", url, "-o", "absent/x"], 5, "cannot write absent/x: its directory does not exist"],
  [["download", url, "-o", "it/x"], 5, "cannot write it/x: what should be its directory is a file"],
  [
    ["download", url, "--require", "md4"],
    2,
    '"md4" cannot be required: use fields such as Md5, Size, Content-Digest or Repr-Digest, or sha-256 or sha-512',
  ],
  [["serve", ".", "--port", "http"], 2, "--port takes a number from 0 to 65535"],
  [["serve", ".", "--port", "65536"], 2, "--port takes a number from 0 to 65535"],
  [["serve", ".", "--max-size", "large"], 2, '"large" is not a valid size: write bytes, or a size such as 500M or 2G'],
  [
    ["serve", ".", "--require", "sha-384"],
    2,
    '"sha-384" cannot be required: use fields such as Md5, Size, Content-Digest or Repr-Digest, or sha-256 or sha-512',
  ],
  [["serve", ".", "--tls-cert", "it"], 2, "--tls-cert and --tls-key belong together: give both"],
  [
    ["serve", ".", "--tls-cert", "it", "--tls-key", "absent"],
    5,
    "cannot read absent: ENOENT: no such file or directory, open 'absent'",
  ],
  [
    ["serve", ".", "--port", "0", "--tls-cert", "it", "--tls-key", "it"],
    2,
    "it and it cannot be used: both must be PEM, and belong together (error:0480006C:PEM routines::no start line)",
  ],
  [["serve", "it/absent"], 5, "cannot create it/absent: ENOTDIR: not a directory, mkdir 'it/absent'"],
  [["serve", "it"], 5, "it is not a directory: name the directory to store files in"],
  [
    ["serve", ".", "--port", "0", "--host", "192.0.2.1"],
    2,
    "cannot listen on 192.0.2.1:0: this machine does not have that address: use one that it has, or 0.0.0.0 for all",
  ],
];

test("an impossible request is reported in one line that says what to do", async () => {
  const cwd = await tempDir();
  await writeFile(join(cwd, "it"), "no certificate");
  for (const [args, exit, says] of rows) {
    const { exitCode, stdout, stderr } = await trailsum(args, { cwd });
    expect([args, exitCode, stdout, stderr]).toEqual([args, exit, "", `trailsum: ${says}\n`]);
  }
});
