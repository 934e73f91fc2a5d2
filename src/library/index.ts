/**
 * Each module by its name; importing one of them alone (`o2-lambda-extension/Records`) costs less.
 *
 * @since 0.2.0
 */
export * as Extension from "./Extension.ts"
export * as Layers from "./Layers.ts"
export * as Ledger from "./Ledger.ts"
export * as OpenObserve from "./OpenObserve.ts"
export * as OpenObserveLogger from "./OpenObserveLogger.ts"
export * as Processor from "./Processor.ts"
export * as Records from "./Records.ts"
export * as Telemetry from "./Telemetry.ts"
export * as Transport from "./Transport.ts"
