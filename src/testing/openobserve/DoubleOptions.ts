/** What a user of the double sets. */

/**
 * The installation to imitate.
 *
 * @category models
 * @since 0.2.0
 */
export interface OpenObserveDoubleOptions {
  /** Default `root@example.com`. */
  readonly user?: string
  /** Default `Complexpass#123`. */
  readonly password?: string
  /** The ingestion token; default `o2oi_` and 32 characters. */
  readonly passcode?: string
  /** `cloud` answers overload and quota with 429, takes 200 columns and refuses reserved streams; default `oss`. */
  readonly flavour?: "oss" | "cloud"
  /** Most different columns of one batch; default 1000, cloud 200. */
  readonly columnLimit?: number
  /** Largest body after decompression; default 209 715 200. */
  readonly payloadLimitBytes?: number
  /** A path before `/api`, like ZO_BASE_URI; default none. */
  readonly basePath?: string
  /** Serves https with this PEM key and certificate. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Default 0: a free one. */
  readonly port?: number
}
