// A server of the core in a process of its own, whose memory can be looked at. Ends with its parent.
import type { AddressInfo } from "node:net";

import { plainServer } from "./plain-server.ts";

const server = plainServer(() => {});
server.listen(0, "127.0.0.1", () => process.send!((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
