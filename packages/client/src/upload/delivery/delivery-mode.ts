import type { DeliveryMode } from "@trailsum/shared";

export type { DeliveryMode } from "@trailsum/shared";

/** The mode to use; with `auto` it follows from what the path to the server can carry. */
export type DeliveryChoice = "auto" | DeliveryMode;

/** How an upload was delivered. */
export interface Delivery {
  /** How the digests reached the server; `none` if nothing was sent, because the server has the content already. */
  readonly mode: DeliveryMode | "none";
  /** Why, as a phrase for people. */
  readonly reason: string;
  /** How often content was sent: 1, unless an attempt failed and the source could be read again, or nothing was sent. */
  readonly attempts: number;
}
