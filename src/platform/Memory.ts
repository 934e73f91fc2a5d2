/**
 * Giving memory back at once. V8 counts buffers as a few bytes each and lets tens of megabytes of dropped ones pile up
 * before it collects: a flood of 90 MB grew the process by 80 MB that way, with `O2_MAX_BUFFER_SIZE_MB` at 10.
 */

/**
 * Frees the memory behind a buffer that covers all of it, and leaves others alone: small buffers of Node.js share memory.
 * Nothing may read the buffer afterwards. Without effect before Node.js 21, where the collector comes by in its own time.
 */
export const free = (buffer: Uint8Array): void => {
  if (buffer.byteLength === buffer.buffer.byteLength) freeAll(buffer.buffer)
}

/** Frees memory that the caller knows to be nobody else's. */
export const freeAll = (memory: ArrayBufferLike): void => {
  if (!(memory instanceof ArrayBuffer) || typeof memory.transfer !== "function") return
  try {
    memory.transfer(0)
  } catch {
    // memory that the engine keeps for itself: the collector's affair, then
  }
}
