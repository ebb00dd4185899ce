import { expect, test } from "vitest";

import * as proxy from "../src/index.ts";

test("the package exports these values and no others", () => {
  expect(Object.keys(proxy).toSorted()).toEqual(["createProxyServer", "createReverseProxy"]);
});
