import type { Reporter, TestModule } from "vitest/node"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const root = fileURLToPath(new URL(".", import.meta.url))

/** Closes the run with its figures alone on a line, for those who read logs by machine. */
const closingLine: Reporter = {
  onTestRunEnd: (modules: ReadonlyArray<TestModule>) => {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const count = (state: string) => tests.filter((test) => test.result().state === state).length
    // a file that cannot be loaded has no tests, but has failed
    const broken = modules.filter((module) =>
      module.state() === "failed" && [...module.children.allTests()].length === 0
    )
    process.stdout.write(
      `${count("passed")} passed, ${count("failed") + broken.length} failed, ${count("skipped")} skipped\n`
    )
  }
}

/** Cells of the fault matrix at once in a file: they wait nearly all the time. */
const CONCURRENT_CELLS = 6

/** Integration tests once more, with the layer that a zip unpacks to. */
const fromZip = (flavour: string, files: ReadonlyArray<string>) => ({
  test: {
    name: `layer-${flavour}`,
    include: files.map((file) => `test/integration/${file}.test.ts`),
    // these do not use the layer
    exclude: ["test/integration/demo.test.ts"],
    globalSetup: "test/layer/support/unpackForProject.ts",
    env: {
      O2_TEST_LAYER: fileURLToPath(new URL(`dist/unpacked/layer-${flavour}`, import.meta.url)),
      CHAOS_SECONDS: process.env["CHAOS_SECONDS"] ?? "60"
    },
    maxConcurrency: CONCURRENT_CELLS,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})

export default defineConfig({
  test: {
    reporters: ["default", closingLine],
    // most tests wait for processes and sockets: one file per core leaves both cores idle
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/testing/*.test.ts", "test/fleet/*.test.ts"],
          // property tests and real processes, on machines of two shared cores
          testTimeout: 30_000
        }
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/*.test.ts"],
          maxConcurrency: CONCURRENT_CELLS,
          // real processes over real sockets, on machines of two shared cores
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      },
      {
        test: {
          // in a real browser, of a real run of the built bundle
          name: "page",
          include: ["test/page/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      },
      {
        test: {
          name: "layer",
          include: ["test/layer/*.test.ts"],
          // other engines, and another machine's under emulation
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      },
      {
        // what people write with the published package, from its source
        resolve: {
          alias: [
            { find: /^o2-lambda-extension\/testing$/, replacement: `${root}src/testing/index.ts` },
            { find: /^o2-lambda-extension\/(\w+)$/, replacement: `${root}src/library/$1.ts` }
          ]
        },
        test: {
          name: "examples",
          include: ["examples/*/*.test.ts"],
          testTimeout: 30_000
        }
      },
      // the program in there is the one that all of them have tried already
      fromZip("nodejs", [
        "Chaos",
        "Delivery",
        "Fault*",
        "Flood",
        "Memory*",
        "Outage",
        "Replay",
        "Shutdown",
        "Traffic*"
      ]),
      fromZip("standalone", ["*"]),
      {
        test: {
          name: "conformance",
          include: ["test/conformance/*.test.ts"],
          globalSetup: "test/conformance/setup.ts",
          // the emulator's ports are chosen before it takes them
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000
        }
      },
      {
        test: {
          // the npm package, packed and installed
          name: "package",
          include: ["test/package/*.test.ts"],
          globalSetup: "test/package/support/setup.ts",
          // compilers, and packages from the registry
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      },
      {
        test: {
          // the property tests once more, for longer
          name: "fuzz",
          include: ["test/unit/**/*.property.test.ts"],
          env: { FUZZ_FACTOR: "20", FUZZ_CASES: process.env["FUZZ_CASES"] ?? "100000" },
          testTimeout: 3_600_000
        }
      },
      {
        test: {
          // the simulation once more, with the fleet of docs/reliability.md: five minutes on an idle core
          name: "fleet",
          include: ["test/fleet/Fleet.test.ts"],
          env: { FLEET_SANDBOXES: "10000" }
        }
      }
    ]
  }
})
