//! gzip and its like. Large bodies are compressed on another thread.

use crate::engine::{Argument, Callback};
use crate::sys::with_bytes;
use flate2::Compression;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;
use rquickjs::{Ctx, Function, IntoJs, Object, Result, TypedArray, Value};
use std::io::{Read, Write};

/// Below this another thread takes longer to begin than the work takes.
const SMALL_BYTES: usize = 16 * 1024;

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("gzip", Function::new(ctx.clone(), gzip)?)?;
    host.set("inflate", Function::new(ctx.clone(), inflate)?)
}

/// Compresses bytes as they are now; `done` gets nothing when there is no memory for it.
fn gzip<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>, level: u32, done: Function<'js>) {
    let done = Callback::new(&ctx, done);
    let mut body = Vec::new();
    let has_memory = with_bytes(&bytes, |bytes| {
        let reserved = body.try_reserve_exact(bytes.len());
        reserved.map(|()| body.extend_from_slice(bytes)).is_ok()
    });
    tokio::task::spawn_local(async move {
        let compressed = match has_memory {
            false => None,
            true if body.len() < SMALL_BYTES => compressed(&body, level),
            true => tokio::task::spawn_blocking(move || compressed(&body, level))
                .await
                .ok()
                .flatten(),
        };
        done.call([compressed.map_or(Argument::Nothing, Argument::Bytes)]);
    });
}

fn compressed(body: &[u8], level: u32) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::new(level));
    encoder.write_all(body).ok()?;
    let mut compressed = encoder.finish().ok()?;
    compressed.shrink_to_fit();
    Some(compressed)
}

/// What was compressed, or the code that Node.js has for the failure.
fn inflate<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>, format: String, max: f64) -> Result<Value<'js>> {
    let inflated = with_bytes(&bytes, |bytes| match format.as_str() {
        "gzip" => read(GzDecoder::new(bytes), max as u64),
        "deflate" => read(ZlibDecoder::new(bytes), max as u64),
        _ => read(DeflateDecoder::new(bytes), max as u64),
    });
    inflated.unwrap_or_else(Argument::Text).into_js(&ctx)
}

fn read(decoder: impl Read, max: u64) -> std::result::Result<Argument, &'static str> {
    let mut inflated = Vec::new();
    match decoder.take(max + 1).read_to_end(&mut inflated) {
        Ok(_) if inflated.len() as u64 > max => Err("ERR_BUFFER_TOO_LARGE"),
        Ok(_) => Ok(Argument::Bytes(inflated)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Err("Z_BUF_ERROR"),
        Err(_) => Err("Z_DATA_ERROR"),
    }
}
