/**
 * An HTTP proxy between us and a server.
 *
 * @since 0.2.0
 * @category models
 */
export interface Proxy {
  /** Where it listens: scheme, host and port, nothing else. */
  readonly url: URL
  /** The variable that names it. */
  readonly variable: string
  /** Value of `Proxy-Authorization`. A function, which nothing shows that writes this down; `Redacted` would be loaded apart. */
  readonly authorization: (() => string) | undefined
}
