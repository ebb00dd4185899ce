import { join } from "node:path";

import { buildGo, goToolchain } from "@trailsum/testkit/go";

const sources = join(import.meta.dirname, "../../go");

/** The article's client and a server to go with it, built; nothing where there is no Go, which is said. */
export async function goPrograms(): Promise<{ readonly client: string; readonly server: string } | undefined> {
  if ((await goToolchain()) === undefined) {
    console.error("Go is not on this machine: apt-get install golang-1.19-go");
    return undefined;
  }
  return { client: await buildGo(join(sources, "client.go")), server: await buildGo(join(sources, "server.go")) };
}
