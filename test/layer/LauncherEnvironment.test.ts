/** No variable that a function or an image may set changes what the launcher does, or has it print something. */
import { assert, describe, it, onTestFinished } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { accepted, ANSWER, handedOver, launch } from "./support/launch.ts"
import type { Opt } from "./support/launcher.ts"
import { bashAsSh, bashes, others } from "./support/shells.ts"
import type { Shell } from "./support/shells.ts"

const secret = "Basic c2VjcmV0OnNlY3JldA=="

type Variables = Readonly<Record<string, string>>

const name = (variables: Variables): string =>
  Object.entries(variables).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(" ")

const titled = (all: ReadonlyArray<Variables>) => all.map((variables) => [name(variables), variables] as const)

const functionsOf = (...names: ReadonlyArray<string>): Variables =>
  Object.fromEntries(names.map((name) => [`BASH_FUNC_${name}%%`, "() { echo \"$O2_AUTHORIZATION_HEADER\"; exit 9; }"]))

const specialBuiltins = ["exec", "eval", "export", "unset", "set", "trap", "exit", "return", "break", ":", "."]

/** What only bash's command line keeps out: as `sh` it prints, ends or reads no further before the script's first command. */
const needPrivileged: ReadonlyArray<Variables> = [
  ...["noexec", "onecmd", "verbose", "keyword:noexec:onecmd:verbose:xtrace:nounset:errexit"].map((SHELLOPTS) => ({
    SHELLOPTS
  })),
  { BASHOPTS: "extdebug:failglob:nullglob:nocasematch:extglob:compat31" },
  ...specialBuiltins.map((name) => functionsOf(name)),
  functionsOf("[", "test"),
  functionsOf("if", "case", "in", "while", "esac", "done", "{", "!", "[["),
  { SHELLOPTS: "nonsense" },
  { "BASH_FUNC_broken%%": "() { (" }
]

const undone: ReadonlyArray<Variables> = [
  ...[
    ..."allexport braceexpand emacs errexit errtrace functrace hashall histexpand history ignoreeof".split(" "),
    ..."interactive-comments keyword monitor noclobber noglob nolog notify nounset physical pipefail".split(" "),
    ..."posix privileged vi xtrace history:histexpand keyword:xtrace:nounset:errexit:noglob:allexport".split(" ")
  ].map((SHELLOPTS) => ({ SHELLOPTS })),
  ...["1", "2"].map((BASH_XTRACEFD) => ({
    SHELLOPTS: "xtrace",
    BASH_XTRACEFD,
    PS4: "$O2_AUTHORIZATION_HEADER $(echo ran >&2) "
  })),
  ...["failglob", "nullglob:nocaseglob", "nocasematch", "extglob", "lastpipe:execfail:xpg_echo:localvar_inherit"].map((
    BASHOPTS
  ) => ({ BASHOPTS })),
  functionsOf("read", "shopt", "command", "printf", "local", "builtin", "sleep", "node", "declare", "echo", "test"),
  functionsOf("send", "receive", "report", "call", "true", "env", "O2_STREAM"),
  { BASH_ENV: "/opt/evil.sh", ENV: "/opt/evil.sh" },
  { POSIXLY_CORRECT: "1" },
  { POSIXLY_CORRECT: "" },
  { PS4: "$(echo ran >&2)" },
  { PS1: "$(echo ran >&2)", PROMPT_COMMAND: "echo ran", PS0: "$(echo ran)" },
  ...["", "0", "1 ", "/", "abcdefghijklmnopqrstuvwxyz", "0123456789", "\n"].map((IFS) => ({ IFS })),
  { CDPATH: "/:/tmp" },
  { GLOBIGNORE: "*", EXECIGNORE: "*" },
  { FUNCNEST: "1" },
  {
    BASH_ARGV0: "/elsewhere/x",
    BASH_VERSION: "1",
    BASH: "/nonexistent",
    BASHPID: "x",
    LINENO: "x",
    RANDOM: "x",
    _: "x"
  },
  {
    UID: "9",
    EUID: "9",
    PPID: "9",
    BASH_VERSINFO: "9",
    SHLVL: "x",
    OPTIND: "99",
    OPTARG: "x",
    OPTERR: "x",
    REPLY: "x"
  },
  { HISTFILE: "/dev/stdout", HISTCONTROL: "x", histchars: "abc", MAIL: "/etc/passwd", MAILPATH: "/etc/passwd" },
  { LC_ALL: "POSIX" },
  { LC_ALL: "C.utf8", LANG: "xx_YY" },
  { TMOUT: "0.001", TIMEFORMAT: "x" },
  { node: "x", home: "/x", problem: "x", status: "x", identifier: "x", body: "x", length: "x", coding: "x", api: "x" },
  { line: "x", value: "x", events: "x", failures: "x", name: "x", LANGUAGE: "tr" }
]

/** Runs the launcher as the kernel does: by its first line, with another program for `/bin/sh`. */
const byFirstLine: Shell = { title: "its first line", file: "/usr/bin/env", argv0: "env", args: [] }
const withShell = ({ file }: Shell, isForImages = false) => ({ launcher, root }: Opt): void => {
  const [first = "", ...rest] = readFileSync(launcher, "utf8").split("\n")
  assert.strictEqual(first, "#!/bin/sh -p")
  symlinkSync(file, join(root, "sh"))
  writeFileSync(launcher, [`#!${root}/sh${isForImages ? "" : " -p"}`, ...rest].join("\n"))
}

const [dash, busybox] = others as [Shell, Shell]

describe.each([
  { title: "bash, in a layer", shell: bashAsSh, isForImages: false, inputs: [...needPrivileged, ...undone] },
  { title: "bash, in an image", shell: bashAsSh, isForImages: true, inputs: undone },
  { title: "dash, in a layer", shell: dash, isForImages: false, inputs: [...needPrivileged, ...undone] },
  { title: "dash, in an image", shell: dash, isForImages: true, inputs: [...needPrivileged, ...undone] },
  { title: "BusyBox, in an image", shell: busybox, isForImages: true, inputs: [...needPrivileged, ...undone] }
])("launcher run by $title", ({ inputs, isForImages, shell }) => {
  const prepare = withShell(shell, isForImages)
  const registers = shell === bashAsSh

  it.each(titled(inputs))("starts with %s, silently", async (_, variables) => {
    const result = await launch(byFirstLine, {
      environment: { ...variables, O2_AUTHORIZATION_HEADER: secret },
      prepare
    })
    assert.deepStrictEqual([result.stdout, result.stderr, result.exitCode], ["", "", 0])
    assert.strictEqual(result.engine?.environment["O2_AUTHORIZATION_HEADER"], secret)
    assert.deepStrictEqual(
      handedOver(result),
      registers
        ? { status: "200", identifier: "id-1", answer: ANSWER }
        : { status: undefined, identifier: undefined, answer: undefined }
    )
    assert.strictEqual(result.requests.length, registers ? 1 : 0)
  })

  it("clears every name of Node.js's, OpenSSL's and the C library's", async () => {
    const cleared = {
      NODE_UNIQUE_ID: "1",
      NODE_CHANNEL_FD: "0",
      NODE_CHANNEL_SERIALIZATION_MODE: "advanced",
      NODE_PATH: "/var/task\nexport NODE_IN_A_VALUE=1",
      NODE_: "a name that there is not",
      NODE_COMPILE_CACHE: "/tmp/cache",
      NODE_REDIRECT_WARNINGS: "/dev/stdout",
      NODE_USE_ENV_PROXY: "1",
      OPENSSL_CONF: "/etc/passwd",
      SHELLOPTS: "posix",
      UV_THREADPOOL_SIZE: "1024",
      LD_DEBUG_OUTPUT: "/tmp/ld",
      MALLOC_TOP_PAD_: "999999",
      GLIBC_TUNABLES: "glibc.malloc.check=0"
    }
    const kept = {
      NODE: "a",
      NODEX_OPTIONS: "b",
      NODENV: "c",
      A: "two\nlines 'quoted'\nexport O2_STREAM=x\nNODE_ENV=y",
      O2_STREAM: "* ~",
      OPENSSLDIR: "d",
      node_options: "e"
    }
    const { engine, stderr, stdout } = await launch(byFirstLine, { environment: { ...cleared, ...kept }, prepare })
    assert.deepStrictEqual([stdout, stderr], ["", ""])
    const environment = engine?.environment ?? {}
    assert.deepStrictEqual(
      Object.keys(environment).filter((name) => /^(NODE|OPENSSL|UV|LD|MALLOC)_|^GLIBC/.test(name)).sort(),
      ["LD_LIBRARY_PATH", "MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_"]
    )
    for (const [name, value] of Object.entries(kept)) assert.strictEqual(environment[name], value)
  })
})

// a shell that is told the script's name does not see the first line; what is undone by the script is undone there, too
describe.each(bashes)("launcher under $title", (shell) => {
  it.each(titled(undone.filter((variables) => !("BASH_ENV" in variables))))(
    "starts with %s, silently",
    async (_, variables) => {
      const result = await launch(shell, { environment: { ...variables, O2_AUTHORIZATION_HEADER: secret } })
      assert.deepStrictEqual([result.stdout, result.stderr, result.exitCode], ["", "", 0])
      assert.deepStrictEqual(handedOver(result), { status: "200", identifier: "id-1", answer: ANSWER })
    }
  )

  // where bash is in POSIX mode from the start, it ends at such a function before it reads the script
  it.skipIf(shell !== bashes[0])("calls no function in place of a special builtin", async () => {
    const environment = { ...functionsOf(...specialBuiltins), O2_AUTHORIZATION_HEADER: secret }
    const result = await launch(shell, { environment })
    assert.deepStrictEqual([result.stdout, result.stderr, result.exitCode], ["", "", 0])
    assert.strictEqual(handedOver(result).identifier, "id-1")
  })

  it("waits for the answer for longer than TMOUT", async () => {
    const result = await launch(shell, { environment: { TMOUT: "1" }, answers: [[1500, ...accepted]] })
    assert.strictEqual(handedOver(result).identifier, "id-1")
  })

  it("reports what is wrong although nested calls are bounded", async () => {
    const { requests, stderr } = await launch(shell, {
      layout: { hasNode: false },
      environment: { FUNCNEST: "1", SHELLOPTS: "keyword:nounset:xtrace" },
      answers: [accepted, ["HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"]]
    })
    assert.deepStrictEqual([requests.length, stderr], [2, ""])
  })

  it.skipIf(!existsSync("/usr/share/i18n/locales/tr_TR"))(
    "knows names of headers where `I` is no capital `i`",
    async () => {
      const locales = mkdtempSync(join(tmpdir(), "o2-locales-"))
      onTestFinished(() => rmSync(locales, { recursive: true, force: true }))
      execFileSync("localedef", ["-i", "tr_TR", "-f", "UTF-8", join(locales, "tr_TR.UTF-8")])
      const result = await launch(shell, { environment: { LC_ALL: "tr_TR.UTF-8", LOCPATH: locales } })
      assert.strictEqual(result.stderr, "")
      assert.strictEqual(handedOver(result).identifier, "id-1")
    }
  )
})
