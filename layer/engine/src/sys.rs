//! All of the engine's `unsafe`: a few calls of the system, and the two promises that QuickJS needs.
#![allow(unsafe_code)]

use rquickjs::module::{Declared, Module};
use rquickjs::{Ctx, TypedArray};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::FromRawFd;

/// One heap of glibc's for all threads, which gives back what is free beyond a MiB: memory belongs to the function. What a
/// customer's `MALLOC_…` or `GLIBC_TUNABLES` say otherwise is meant for the function; the rest are glibc's own values.
pub fn keep_one_heap() {
    // SAFETY: sets numbers; no other thread is running yet.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1024 * 1024);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
        libc::mallopt(libc::M_TOP_PAD, 128 * 1024);
        libc::mallopt(libc::M_PERTURB, 0);
    }
}

/// The file name that this process was started by, without its directories.
pub fn executable_name() -> String {
    // SAFETY: the kernel's path, which ends in a zero byte and stays for the life of the process; absent it is 0.
    let path = unsafe {
        let path = libc::getauxval(libc::AT_EXECFN) as *const libc::c_char;
        if path.is_null() { c"" } else { CStr::from_ptr(path) }
    };
    let path = path.to_string_lossy();
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

/// Ends the process at once: what threads still have is not worth taking apart, and could not be in any order.
pub fn exit(code: i32) -> ! {
    // SAFETY: touches no memory.
    unsafe { libc::_exit(code) }
}

pub fn user_id() -> u32 {
    // SAFETY: always succeeds, touches no memory.
    unsafe { libc::getuid() }
}

/// CPU time of this process in microseconds: in user mode, and in the system.
pub fn cpu_micros() -> (f64, f64) {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the structure is ours, and all zeros are a valid one.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    (micros(usage.ru_utime), micros(usage.ru_stime))
}

/// Bytes that this user may still write to the disk of a directory.
pub fn free_bytes(directory: &str) -> std::io::Result<f64> {
    let path = CString::new(directory)?;
    let mut stat = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends in a zero byte; the structure is ours, and all zeros are a valid one.
    let (result, stat) = unsafe { (libc::statvfs(path.as_ptr(), stat.as_mut_ptr()), stat.assume_init()) };
    if result == 0 {
        Ok(stat.f_bavail as f64 * stat.f_frsize as f64)
    } else {
        Err(std::io::Error::last_os_error())
    }
}

/// Standard output without Rust's buffer.
pub fn stdout() -> ManuallyDrop<File> {
    // SAFETY: never closed, since it is never dropped.
    ManuallyDrop::new(unsafe { File::from_raw_fd(libc::STDOUT_FILENO) })
}

/// Whether a descriptor takes at least a page's worth of bytes without making us wait.
pub fn is_writable(descriptor: i32) -> bool {
    let mut poll = libc::pollfd {
        fd: descriptor,
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one structure, which is ours.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 }
}

/// A module from bytecode that this engine has made.
pub fn load<'js>(ctx: &Ctx<'js>, bytecode: &[u8]) -> rquickjs::Result<Module<'js, Declared>> {
    // SAFETY: `Program` hands out only what has the checksum that the same engine wrote when it compiled the program.
    unsafe { Module::load(ctx.clone(), bytecode) }
}

/// Looks at the bytes of an array; empty when its memory was given away.
pub fn with_bytes<A>(array: &TypedArray<'_, u8>, look: impl FnOnce(&[u8]) -> A) -> A {
    // SAFETY: no JavaScript runs while `look` does: it gets no context, and there is one thread for JavaScript.
    look(unsafe { array.as_bytes() }.unwrap_or(&[]))
}
