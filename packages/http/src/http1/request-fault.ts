/** The statuses for requests that are malformed or exceed a limit. */
export type FaultStatus = 400 | 413 | 414 | 417 | 431 | 501 | 505;

/** Why a request is refused before it is handled. Its end cannot be found any more. */
export class RequestFault extends Error {
  /** `RequestFault`. */
  override readonly name = "RequestFault";
  /** The status to answer with. */
  readonly status: FaultStatus;

  constructor(message: string, status: FaultStatus, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
