// A client of the core in a process of its own, whose memory can be looked at. Ends with its parent.
import { PlainClient } from "./plain-client.ts";

const client = new PlainClient(process.argv[2]!);
process.on("message", ({ id, path }: { readonly id: number; readonly path: string }) => {
  client.get(path).then(
    (answer) => process.send!({ id, answer }),
    (error: Error) => process.send!({ id, error: error.message }),
  );
});
process.on("disconnect", () => process.exit());
