//! What decides about an object line besides its bytes: the columns that it may have, as a hash of its keys, and the
//! invocation that it names. `src/openobserve/ColumnCounter.ts` and `src/logs/Enrichment.ts` are the reference.

use crate::host::json::{self, Visitor};
use std::collections::HashSet;

/// Objects inside a member that are flattened; what lies deeper, and every array, is one column, whatever it holds.
const FLATTENED_OBJECTS: usize = 2;

/// The two hashes of the counter, which knows the columns of a record by them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hashes {
    pub a: u32,
    pub b: u32,
}

impl Hashes {
    /// Of a line's event, up to its record.
    const LINE: Hashes = Hashes {
        a: 0x811c_9dc5,
        b: 0x2f0b_4f1d,
    }
    .mix(b"\"time\"\"type\"\"record\"");

    const fn mix(self, bytes: &[u8]) -> Hashes {
        let Hashes { mut a, mut b } = self;
        let mut at = 0;
        while at < bytes.len() {
            a = (a ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
            b = (b ^ bytes[at] as u32).wrapping_mul(0x5bd1_e995);
            b ^= b >> 15;
            at += 1;
        }
        Hashes { a, b }
    }
}

/// Looks at a record while it is walked.
pub struct Shape<'a> {
    bytes: &'a [u8],
    pub hashes: Hashes,
    open: usize,
    /// The number of open brackets at which something began whose inside does not matter; 0 outside.
    hidden: usize,
    /// Where the values of `requestId` and `AWSRequestId` begin, of the last that are called so.
    ids: [Option<usize>; 2],
    has_escaped_key: bool,
}

impl<'a> Shape<'a> {
    pub fn new(bytes: &'a [u8]) -> Shape<'a> {
        Shape {
            bytes,
            hashes: Hashes::LINE,
            open: 0,
            hidden: 0,
            ids: [None; 2],
            has_escaped_key: false,
        }
    }

    /// The invocation that the record names, as JSON, empty when it names none; `Err` when escapes hide what it says.
    pub fn request_id(&self) -> Result<&'a [u8], ()> {
        if self.has_escaped_key {
            return Err(());
        }
        for at in self.ids.into_iter().flatten() {
            if self.bytes[at] != b'"' {
                continue;
            }
            let id = &self.bytes[at..json::string_end(self.bytes, at).ok_or(())?];
            if id.contains(&b'\\') {
                return Err(());
            }
            if id.len() > b"\"\"".len() {
                return Ok(id);
            }
        }
        Ok(b"")
    }
}

impl Visitor for Shape<'_> {
    fn open(&mut self, bracket: u8) {
        self.open += 1;
        if self.hidden > 0 {
            return;
        }
        if bracket == b'[' || self.open > FLATTENED_OBJECTS {
            self.hidden = self.open;
        } else {
            self.hashes = self.hashes.mix(b"{");
        }
    }

    fn key(&mut self, from: usize, end: usize, value_at: usize) {
        if self.hidden > 0 {
            return;
        }
        let key = &self.bytes[from..end];
        self.hashes = self.hashes.mix(key);
        if self.open > 1 {
            return;
        }
        match key {
            b"\"requestId\"" => self.ids[0] = Some(value_at),
            b"\"AWSRequestId\"" => self.ids[1] = Some(value_at),
            _ => self.has_escaped_key |= key.contains(&b'\\'),
        }
    }

    fn close(&mut self) {
        if self.hidden == 0 {
            self.hashes = self.hashes.mix(b"}");
        } else if self.hidden == self.open {
            self.hidden = 0;
        }
        self.open -= 1;
    }
}

/// The shapes that have been shown to the counter in its present count.
#[derive(Default)]
pub struct Shown {
    last: Option<Hashes>,
    all: HashSet<Hashes>,
}

impl Shown {
    /// Whether a shape is new to the counter; it is none the next time.
    pub fn is_new(&mut self, shape: Hashes) -> bool {
        if self.last == Some(shape) {
            return false;
        }
        self.last = Some(shape);
        self.all.insert(shape)
    }

    pub fn forget(&mut self) {
        self.last = None;
        self.all.clear();
    }
}
