/** The test kit: a local Lambda and a local OpenObserve, as Layers. */
export * from "./LambdaEmulator.ts"
export * from "./OpenObserveDouble.ts"
