import { S3Error } from "./s3-errors.ts";
import { decodeComponent } from "./sigv4/uri-encoding.ts";

/** The most parameters of a query: none of S3's requests has so many. */
const MOST = 100;

/** The query of a request: names and values, decoded. */
export class S3Query {
  /** The parameters as name and value, in order. */
  readonly pairs: readonly (readonly [name: string, value: string])[];

  /** Reads a query without its `?`. Throws `InvalidURI`. */
  constructor(query: string | undefined) {
    const members = (query ?? "").split("&").filter((member) => member !== "");
    if (members.length > MOST) throw new S3Error("InvalidURI", "The query has too many parameters.");
    this.pairs = members.map((member) => {
      const [, name, value] = /^([^=]*)=?(.*)$/s.exec(member)!;
      return [decodeComponent(name!), decodeComponent(value!)];
    });
  }

  /** The value of a parameter; undefined if it is absent. Throws `InvalidArgument` if it occurs twice. */
  get(name: string): string | undefined {
    const [only, ...others] = this.pairs.filter(([other]) => other === name);
    if (others.length > 0) throw new S3Error("InvalidArgument", `The parameter ${name} was given more than once.`);
    return only?.[1];
  }

  /** Whether the query has a parameter of this name. */
  has(name: string): boolean {
    return this.pairs.some(([other]) => other === name);
  }

  /** A parameter that is a number from 0 to `most`. Throws `InvalidArgument`. */
  integer(name: string, most: number): number | undefined {
    const value = this.get(name);
    if (value === undefined || value === "") return undefined;
    if (/^\d{1,10}$/.test(value)) return Math.min(Number(value), most);
    throw new S3Error("InvalidArgument", `Provided ${name} not an integer or within integer range`);
  }
}
