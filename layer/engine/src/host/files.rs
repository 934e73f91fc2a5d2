//! The few calls that spilling needs of the disk. A failure is a text, its code; what works is anything else.

use crate::engine::Argument;
use crate::error_code;
use crate::sys::{self, with_bytes};
use rquickjs::{Ctx, Function, IntoJs, Object, Result, TypedArray, Value};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(1) };
    static OPEN: RefCell<HashMap<u32, File>> = RefCell::new(HashMap::new());
}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set(
        "lstat",
        Function::new(ctx.clone(), |ctx, path: String| {
            told(&ctx, fs::symlink_metadata(path).map(stat))
        })?,
    )?;
    host.set("mkdir", Function::new(ctx.clone(), mkdir)?)?;
    host.set(
        "readdir",
        Function::new(ctx.clone(), |ctx, path: String| {
            told(&ctx, names(&path).map(Argument::Strings))
        })?,
    )?;
    host.set(
        "rename",
        Function::new(ctx.clone(), |ctx, from: String, to: String| {
            nothing(&ctx, fs::rename(from, to))
        })?,
    )?;
    host.set(
        "unlink",
        Function::new(ctx.clone(), |ctx, path: String| nothing(&ctx, fs::remove_file(path)))?,
    )?;
    host.set(
        "freeBytes",
        Function::new(ctx.clone(), |ctx, path: String| {
            told(&ctx, sys::free_bytes(&path).map(Argument::Number))
        })?,
    )?;
    host.set("writeFile", Function::new(ctx.clone(), write)?)?;
    host.set("open", Function::new(ctx.clone(), open)?)?;
    host.set(
        "fstat",
        Function::new(ctx.clone(), |ctx, id: f64| {
            told(&ctx, with_file(id, |file| file.metadata().map(stat)))
        })?,
    )?;
    host.set("read", Function::new(ctx.clone(), read)?)?;
    host.set(
        "close",
        Function::new(ctx.clone(), |id: f64| {
            drop(OPEN.with_borrow_mut(|open| open.remove(&(id as u32))))
        })?,
    )
}

fn told<'js>(ctx: &Ctx<'js>, result: io::Result<impl IntoJs<'js>>) -> Result<Value<'js>> {
    match result {
        Ok(value) => value.into_js(ctx),
        Err(error) => error_code::of_io(&error).into_js(ctx),
    }
}

fn nothing<'js>(ctx: &Ctx<'js>, result: io::Result<()>) -> Result<Value<'js>> {
    told(ctx, result.map(|()| Argument::Nothing))
}

/// Kind (1 for a directory, 2 for a file), owner, size.
fn stat(metadata: Metadata) -> Vec<f64> {
    let kind = if metadata.is_dir() {
        1.0
    } else if metadata.is_file() {
        2.0
    } else {
        0.0
    };
    vec![kind, f64::from(metadata.uid()), metadata.len() as f64]
}

fn mkdir<'js>(ctx: Ctx<'js>, path: String, mode: u32) -> Result<Value<'js>> {
    nothing(&ctx, DirBuilder::new().mode(mode).create(path))
}

fn names(directory: &str) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Writes a file that is not there yet.
fn write<'js>(ctx: Ctx<'js>, path: String, bytes: TypedArray<'js, u8>, mode: u32) -> Result<Value<'js>> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(mode)
        .custom_flags(libc::O_NOFOLLOW);
    nothing(&ctx, with_bytes(&bytes, |bytes| options.open(path)?.write_all(bytes)))
}

/// Opens for reading; does not wait for a pipe's other end.
fn open<'js>(ctx: Ctx<'js>, path: String, follows_links: bool) -> Result<Value<'js>> {
    let no_link = if follows_links { 0 } else { libc::O_NOFOLLOW };
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(no_link | libc::O_NONBLOCK)
        .open(path);
    told(
        &ctx,
        opened.map(|file| {
            let id = NEXT.replace(NEXT.get() + 1);
            OPEN.with_borrow_mut(|open| open.insert(id, file));
            f64::from(id)
        }),
    )
}

fn with_file<A>(id: f64, look: impl FnOnce(&File) -> io::Result<A>) -> io::Result<A> {
    OPEN.with_borrow(|open| match open.get(&(id as u32)) {
        Some(file) => look(file),
        None => Err(io::Error::from_raw_os_error(libc::EINVAL)),
    })
}

/// The first bytes of a file, at most so many.
fn read<'js>(ctx: Ctx<'js>, id: f64, size: f64) -> Result<Value<'js>> {
    let bytes = with_file(id, |file| {
        let mut bytes = vec![0; size as usize];
        let mut length = 0;
        while length < bytes.len() {
            match file.read_at(&mut bytes[length..], length as u64)? {
                0 => break,
                count => length += count,
            }
        }
        bytes.truncate(length);
        Ok(Argument::Bytes(bytes))
    });
    told(&ctx, bytes)
}
