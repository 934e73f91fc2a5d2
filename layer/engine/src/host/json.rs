//! Walks one JSON value: `src/json/JsonScanner.ts`, with the same results and the same places of errors.

use crate::sys::with_bytes;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};

/// Why there is no end of a value.
enum Stop {
    /// The bytes end before the value does.
    Cut,
    /// What stands there is no JSON.
    Invalid(usize),
    /// Half a surrogate pair, which the program's own scanner overwrites.
    Mend,
}

type Scan<A> = std::result::Result<A, Stop>;

/// Is told what a value is made of while it is walked.
pub trait Visitor {
    fn open(&mut self, _bracket: u8) {}
    /// The key with its quotes, and where its value begins.
    fn key(&mut self, _from: usize, _end: usize, _value_at: usize) {}
    fn close(&mut self) {}
}

impl Visitor for () {}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    host.set("scanKey", Function::new(ctx.clone(), scan_key)?)?;
    host.set("scanValue", Function::new(ctx.clone(), scan_value)?)
}

/// Where the value begins whose key is at an offset; else as below.
fn scan_key(bytes: TypedArray<u8>, from: f64) -> Vec<f64> {
    told(with_bytes(&bytes, |bytes| {
        key(bytes, from as usize, &mut ()).map(|at| (at, 0))
    }))
}

/// The end and the depth of the value at an offset; or `CUT`, or `INVALID` and where, or -3 for what is to be mended.
fn scan_value(bytes: TypedArray<u8>, from: f64) -> Vec<f64> {
    told(with_bytes(&bytes, |bytes| value(bytes, from as usize, &mut ())))
}

fn told(scanned: Scan<(usize, usize)>) -> Vec<f64> {
    match scanned {
        Ok((end, depth)) => vec![end as f64, depth as f64],
        Err(Stop::Cut) => vec![-1.0, 0.0],
        Err(Stop::Invalid(at)) => vec![-2.0, at as f64],
        Err(Stop::Mend) => vec![-3.0, 0.0],
    }
}

/// The end and the depth of the value at an offset, if there is an ordinary one.
pub fn visit(bytes: &[u8], from: usize, visitor: &mut impl Visitor) -> Option<(usize, usize)> {
    value(bytes, from, visitor).ok()
}

fn value(bytes: &[u8], from: usize, visitor: &mut impl Visitor) -> Scan<(usize, usize)> {
    // for each open bracket the one that closes it
    let mut open = Vec::new();
    let mut depth = 0;
    let mut at = from;
    loop {
        match *bytes.get(at).ok_or(Stop::Cut)? {
            opening @ (b'{' | b'[') => {
                let closing = if opening == b'{' { b'}' } else { b']' };
                open.push(closing);
                visitor.open(opening);
                depth = depth.max(open.len());
                at = space(bytes, at + 1);
                if *bytes.get(at).ok_or(Stop::Cut)? != closing {
                    if opening == b'{' {
                        at = key(bytes, at, visitor)?;
                    }
                    continue;
                }
                open.pop();
                visitor.close();
                at += 1;
            }
            _ => at = scalar(bytes, at)?,
        }
        // behind a value: close what ends here, or go on to the next value
        loop {
            let Some(&closing) = open.last() else {
                return Ok((at, depth));
            };
            at = space(bytes, at);
            let next = *bytes.get(at).ok_or(Stop::Cut)?;
            if next == b',' {
                at = space(bytes, at + 1);
                if closing == b'}' {
                    at = key(bytes, at, visitor)?;
                }
                break;
            }
            if next != closing {
                return Err(Stop::Invalid(at));
            }
            open.pop();
            visitor.close();
            at += 1;
        }
    }
}

fn space(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or(&[]);
    from + rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t'))
        .count()
}

/// Where the value begins whose key is at an offset.
fn key(bytes: &[u8], from: usize, visitor: &mut impl Visitor) -> Scan<usize> {
    if *bytes.get(from).ok_or(Stop::Cut)? != b'"' {
        return Err(Stop::Invalid(from));
    }
    let end = string(bytes, from)?;
    let colon = space(bytes, end);
    if *bytes.get(colon).ok_or(Stop::Cut)? != b':' {
        return Err(Stop::Invalid(colon));
    }
    let value_at = space(bytes, colon + 1);
    visitor.key(from, end, value_at);
    Ok(value_at)
}

fn scalar(bytes: &[u8], from: usize) -> Scan<usize> {
    match bytes[from] {
        b'"' => string(bytes, from),
        b't' => literal(bytes, from, b"true"),
        b'f' => literal(bytes, from, b"false"),
        b'n' => literal(bytes, from, b"null"),
        _ => number(bytes, from),
    }
}

fn literal(bytes: &[u8], from: usize, text: &[u8]) -> Scan<usize> {
    for (index, letter) in text.iter().enumerate() {
        if bytes.get(from + index).ok_or(Stop::Cut)? != letter {
            return Err(Stop::Invalid(from + index));
        }
    }
    Ok(from + text.len())
}

fn number(bytes: &[u8], from: usize) -> Scan<usize> {
    let mut at = if bytes[from] == b'-' { from + 1 } else { from };
    at = if bytes.get(at) == Some(&b'0') {
        at + 1
    } else {
        digits(bytes, at)?
    };
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    Ok(at)
}

/// Behind the digits that begin here, of which there must be one.
fn digits(bytes: &[u8], from: usize) -> Scan<usize> {
    if !bytes.get(from).ok_or(Stop::Cut)?.is_ascii_digit() {
        return Err(Stop::Invalid(from));
    }
    Ok(from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// The offset behind the string whose opening quote is at `from`.
pub fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    string(bytes, from).ok()
}

fn string(bytes: &[u8], from: usize) -> Scan<usize> {
    let mut at = from + 1;
    loop {
        at = plain_end(bytes, at);
        match *bytes.get(at).ok_or(Stop::Cut)? {
            b'"' => return Ok(at + 1),
            b'\\' => match *bytes.get(at + 1).ok_or(Stop::Cut)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                b'u' => at += unicode_escape(bytes, at)?,
                _ => return Err(Stop::Invalid(at)),
            },
            _ => return Err(Stop::Invalid(at)),
        }
    }
}

/// Length of the escape at `at`: one, or both of a surrogate pair.
fn unicode_escape(bytes: &[u8], at: usize) -> Scan<usize> {
    let unit = code_unit(bytes, at)?;
    if !(0xd800..=0xdfff).contains(&unit) {
        return Ok(6);
    }
    let is_pair = unit < 0xdc00 && bytes.get(at + 6) == Some(&b'\\') && bytes.get(at + 7) == Some(&b'u');
    let next = if is_pair {
        code_unit(bytes, at + 6)
    } else {
        Err(Stop::Mend)
    };
    match next {
        Ok(0xdc00..=0xdfff) => Ok(12),
        Err(Stop::Cut) => Err(Stop::Cut),
        _ => Err(Stop::Mend),
    }
}

/// The number in `\uXXXX` at `from`.
fn code_unit(bytes: &[u8], from: usize) -> Scan<u32> {
    (from + 2..from + 6).try_fold(0, |unit, at| {
        let digit = char::from(*bytes.get(at).ok_or(Stop::Cut)?)
            .to_digit(16)
            .ok_or(Stop::Invalid(at))?;
        Ok(unit * 16 + digit)
    })
}

/// The offset of the first quote, backslash or control character; `src/json/PlainText.ts` explains how it is found.
fn plain_end(post: &[u8], from: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = ONES * 0x80;
    let rest = post.get(from..).unwrap_or(&[]);
    for (index, chunk) in rest.chunks_exact(8).enumerate() {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        let quote = word ^ (ONES * u64::from(b'"'));
        let backslash = word ^ (ONES * u64::from(b'\\'));
        let found = (word.wrapping_sub(ONES * 0x20) & !word)
            | (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash);
        if found & HIGH_BITS != 0 {
            return from + index * 8 + (found & HIGH_BITS).trailing_zeros() as usize / 8;
        }
    }
    let tail_at = from + rest.len() / 8 * 8;
    let tail = &post[tail_at.min(post.len())..];
    let found = tail
        .iter()
        .position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    found.map_or(post.len(), |index| tail_at + index)
}
