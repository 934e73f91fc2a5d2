/**
 * `NO_PROXY`, which nobody has standardized. As curl and Go read it, where they agree: hosts with everything below them, with
 * or without a dot (or `*.`) in front, addresses, networks (`10.0.0.0/8`, `fd00::/8`), each with a port or without, and `*`.
 */

/** Whether a list names a server. */
export const isExempt = (target: URL, list: string): boolean => {
  const host = bare(target.hostname)
  const port = target.port || (target.protocol === "https:" ? "443" : "80")
  return list.toLowerCase().split(/[\s,]+/).some((entry) => entry !== "" && matches(entry, host, port))
}

const matches = (entry: string, host: string, port: string): boolean => {
  if (entry === "*") return true
  const [, network = "", bits] = /^(.*)\/(\d{1,3})$/.exec(entry) ?? []
  if (bits !== undefined) return isWithin(host, bare(network), Number(bits))
  // more than one colon outside of brackets belongs to an address
  const [, name = entry, wantedPort] = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry) ?? []
  if (wantedPort !== undefined && Number(wantedPort) !== Number(port)) return false
  const suffix = bare(name.replace(/^\*?\.+/, ""))
  if (suffix === "") return false
  const address = bytesOf(host)
  if (address !== undefined) return isWithin(host, suffix, address.length * 8)
  return host === suffix || host.endsWith(`.${suffix}`)
}

/** Without brackets, and without the dot of a name that is complete. */
const bare = (host: string): string => host.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "")

const isWithin = (host: string, network: string, bits: number): boolean => {
  const [address, base] = [bytesOf(host), bytesOf(network)]
  if (address === undefined || base === undefined || address.length !== base.length) return false
  if (bits > address.length * 8) return false
  return address.every((byte, index) => {
    const ignored = 8 - Math.min(8, Math.max(0, bits - index * 8))
    return byte >> ignored === base[index]! >> ignored
  })
}

/** The 4 bytes of an IPv4 address, the 16 of an IPv6 one; one that is mapped into IPv6 is IPv4. */
const bytesOf = (text: string): ReadonlyArray<number> | undefined => {
  if (!text.includes(":")) return ipv4(text)
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const last = tail === null ? [] : ipv4(tail[2]!)
  if (last === undefined) return undefined
  // without the colon before an IPv4 tail, unless that is one of two
  const groups = tail === null ? text : tail[1]!.replace(/([^:]):$/, "$1")
  const halves = groups.split("::").map((half) => half.split(":").filter((group) => group !== ""))
  const [front = [], back = []] = halves
  const all = [...front, ...back]
  const missing = 16 - last.length - all.length * 2
  if (halves.length > 2 || missing < 0 || halves.length === 1 && missing !== 0) return undefined
  if (!all.every((group) => /^[\da-f]{1,4}$/.test(group))) return undefined
  const wide = (groups: ReadonlyArray<string>) =>
    groups.map((group) => Number.parseInt(group, 16)).flatMap((group) => [group >> 8, group & 0xff])
  const bytes = [...wide(front), ...Array.from({ length: missing }, () => 0), ...wide(back), ...last]
  const isMapped = bytes.every((byte, index) => index >= 12 || byte === (index < 10 ? 0 : 0xff))
  return isMapped ? bytes.slice(12) : bytes
}

const ipv4 = (text: string): ReadonlyArray<number> | undefined => {
  const bytes = text.split(".").map((part) => /^\d{1,3}$/.test(part) ? Number(part) : 256)
  return bytes.length === 4 && bytes.every((byte) => byte < 256) ? bytes : undefined
}
