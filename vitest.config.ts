import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/*.test.ts", "test/testing/*.test.ts"]
        }
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/*.test.ts"],
          // real processes over real sockets, on machines of two shared cores
          testTimeout: 60_000,
          hookTimeout: 60_000
        }
      },
      {
        test: {
          name: "full",
          include: ["test/full/*.test.ts"],
          testTimeout: 300_000
        }
      }
    ]
  }
})
