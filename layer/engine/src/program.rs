//! The program at the end of the executable: modules as bytecode, an index of them, and a trailer of fixed length.
//!
//! A module is read when it is imported, and compared with its checksum: most starts need one of them.

use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;

/// Magic, where the index begins, its length, its checksum.
const TRAILER_BYTES: usize = 28;
const MAGIC: &[u8; 8] = b"o2engine";

struct Entry {
    name: String,
    at: u64,
    length: usize,
    checksum: u32,
}

/// The modules of the program; the first one is where it begins.
pub struct Program {
    file: File,
    entries: Vec<Entry>,
}

impl Program {
    /// What this executable has behind its own code, if it has something.
    pub fn of_this_executable() -> Result<Option<Program>> {
        Program::of(File::open("/proc/self/exe")?)
    }

    fn of(file: File) -> Result<Option<Program>> {
        let length = file.metadata()?.len();
        let Some(trailer_at) = length.checked_sub(TRAILER_BYTES as u64) else {
            return Ok(None);
        };
        let trailer = read(&file, trailer_at, TRAILER_BYTES)?;
        if trailer[..8] != *MAGIC {
            return Ok(None);
        }
        let at = u64::from_le_bytes(field(&trailer, 8));
        let index_length = u64::from_le_bytes(field(&trailer, 16));
        if at.checked_add(index_length) != Some(trailer_at) {
            return Err(damaged("its index is not where it should be"));
        }
        let index = read(&file, at, index_length as usize)?;
        if checksum(&index) != u32::from_le_bytes(field(&trailer, 24)) {
            return Err(damaged("its index has changed"));
        }
        let text = std::str::from_utf8(&index).map_err(|_| damaged("its index is no text"))?;
        let entries = text
            .lines()
            .map(entry)
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| damaged("its index is odd"))?;
        Ok(Some(Program { file, entries }))
    }

    /// The bytecode of the module that the program begins with.
    pub fn main(&self) -> Result<Vec<u8>> {
        self.read(self.entries.first())
    }

    /// The bytecode of a module, which is known to be what was written.
    pub fn module(&self, name: &str) -> Result<Vec<u8>> {
        self.read(self.entries.iter().find(|entry| entry.name == name))
    }

    fn read(&self, entry: Option<&Entry>) -> Result<Vec<u8>> {
        let entry = entry.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such module"))?;
        let bytes = read(&self.file, entry.at, entry.length)?;
        if checksum(&bytes) == entry.checksum {
            Ok(bytes)
        } else {
            Err(damaged("a module has changed"))
        }
    }
}

/// An executable with modules behind it.
pub fn with_program(mut executable: Vec<u8>, modules: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut index = String::new();
    for (name, bytes) in modules {
        index += &format!("{} {} {} {name}\n", executable.len(), bytes.len(), checksum(bytes));
        executable.extend_from_slice(bytes);
    }
    let at = executable.len() as u64;
    executable.extend_from_slice(index.as_bytes());
    executable.extend_from_slice(MAGIC);
    executable.extend_from_slice(&at.to_le_bytes());
    executable.extend_from_slice(&(index.len() as u64).to_le_bytes());
    executable.extend_from_slice(&checksum(index.as_bytes()).to_le_bytes());
    executable
}

fn entry(line: &str) -> Option<Entry> {
    let mut parts = line.splitn(4, ' ');
    let at = parts.next()?.parse().ok()?;
    let length = parts.next()?.parse().ok()?;
    let checksum = parts.next()?.parse().ok()?;
    Some(Entry {
        name: parts.next()?.to_owned(),
        at,
        length,
        checksum,
    })
}

fn read(file: &File, at: u64, length: usize) -> Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

fn damaged(problem: &str) -> Error {
    Error::new(ErrorKind::InvalidData, problem)
}

/// CRC-32 as gzip has it.
pub fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn program(bytes: &[u8], name: &str) -> Result<Option<Program>> {
        let path = std::env::temp_dir().join(format!("o2-engine-test-{}-{name}", std::process::id()));
        File::create(&path)?.write_all(bytes)?;
        let file = File::open(&path);
        std::fs::remove_file(&path)?;
        Program::of(file?)
    }

    fn executable() -> Vec<u8> {
        with_program(
            b"ELF".to_vec(),
            &[
                ("main.mjs".into(), b"begin".to_vec()),
                ("later part.mjs".into(), b"on".to_vec()),
            ],
        )
    }

    #[test]
    fn what_was_put_behind_an_executable_is_found() {
        let program = program(&executable(), "whole").unwrap().unwrap();
        assert_eq!(program.main().unwrap(), b"begin");
        assert_eq!(program.module("later part.mjs").unwrap(), b"on");
        assert!(program.module("absent.mjs").is_err());
    }

    #[test]
    fn an_executable_alone_has_no_program() {
        assert!(program(b"ELF", "short").unwrap().is_none());
        assert!(program(&[0; 100], "long").unwrap().is_none());
    }

    #[test]
    fn no_byte_of_it_can_change_unseen() {
        let whole = executable();
        for at in 3..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            let read = program(&changed, "changed").map(|found| {
                found.is_some_and(|program| {
                    program.module("main.mjs").is_ok() && program.module("later part.mjs").is_ok()
                })
            });
            assert!(!matches!(read, Ok(true)), "byte {at}");
        }
    }
}
