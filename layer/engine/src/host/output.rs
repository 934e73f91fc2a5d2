//! Standard output: in order, and without making the program wait where the reader is slow.

use crate::engine::Callback;
use crate::sys;
use rquickjs::{Ctx, Function, Object, Result};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Write;

/// What a pipe takes without waiting when it says that it can be written to.
const PIPE_BYTES: usize = 4096;

const STDOUT: i32 = libc::STDOUT_FILENO;

thread_local! {
    /// What waits for the reader; empty when nothing does.
    static WAITING: RefCell<VecDeque<(Vec<u8>, Callback)>> = const { RefCell::new(VecDeque::new()) };
}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("write", Function::new(ctx.clone(), write)?)?;
    // only commands write there, and people read it: nothing has to wait in order
    let write_error = |text: String| drop(std::io::stderr().write_all(text.as_bytes()));
    host.set("writeError", Function::new(ctx.clone(), write_error)?)
}

/// Writes a text; `done` is called when all of it is written, or cannot be.
fn write<'js>(ctx: Ctx<'js>, text: String, done: Function<'js>) {
    let done = Callback::new(&ctx, done);
    let bytes = text.into_bytes();
    let is_free = WAITING.with_borrow(VecDeque::is_empty);
    let written = if is_free { write_at_once(&bytes) } else { 0 };
    let rest = bytes[written..].to_vec();
    WAITING.with_borrow_mut(|waiting| waiting.push_back((rest, done)));
    if is_free {
        tokio::task::spawn_local(write_waiting());
    }
}

/// Writes what fits without waiting; says how much.
fn write_at_once(bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() && sys::is_writable(STDOUT) {
        let end = bytes.len().min(written + PIPE_BYTES);
        match sys::stdout().write(&bytes[written..end]) {
            Ok(count) => written += count,
            // whoever reads our lines may have gone away; that is no reason to end
            Err(_) => return bytes.len(),
        }
    }
    written
}

async fn write_waiting() {
    while let Some((bytes, done)) = WAITING.with_borrow(|waiting| waiting.front().cloned()) {
        if !bytes.is_empty() {
            // a failure says that nobody reads
            let _ = tokio::task::spawn_blocking(move || sys::stdout().write_all(&bytes)).await;
        }
        WAITING.with_borrow_mut(VecDeque::pop_front);
        done.call([]);
    }
}
