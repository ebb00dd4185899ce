/** The directory that is listed, and the position of its page. */
export interface ListedDirectory {
  /** Its decoded path, without slashes around it; empty for the root. */
  readonly path: string;
  /** The URL of the page, as far as the request says it. */
  readonly url: string;
  readonly readOnly: boolean;
}
