//! What is done with bytes faster here than in JavaScript.

use crate::program;
use crate::sys::with_bytes;
use rquickjs::{ArrayBuffer, Ctx, Function, Object, Result, TypedArray};

type Bytes<'js> = TypedArray<'js, u8>;

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    // not as u32: rquickjs 0.14 hands those above 2^31 over as negative numbers
    let crc32 = |bytes: Bytes| with_bytes(&bytes, |bytes| f64::from(program::checksum(bytes)));
    host.set("crc32", Function::new(ctx.clone(), crc32)?)?;
    let is_utf8 = |bytes: Bytes| with_bytes(&bytes, |bytes| simdutf8::basic::from_utf8(bytes).is_ok());
    host.set("isUtf8", Function::new(ctx.clone(), is_utf8)?)?;
    host.set(
        "utf8Length",
        Function::new(ctx.clone(), |text: String| text.len() as f64)?,
    )?;
    host.set("toUtf8", Function::new(ctx.clone(), to_utf8)?)?;
    host.set("fromUtf8", Function::new(ctx.clone(), from_utf8)?)?;
    let from_latin1 = |bytes: Bytes| {
        with_bytes(&bytes, |bytes| {
            bytes.iter().map(|&byte| char::from(byte)).collect::<String>()
        })
    };
    host.set("fromLatin1", Function::new(ctx.clone(), from_latin1)?)?;
    let compare = |a: Bytes, b: Bytes| with_bytes(&a, |a| with_bytes(&b, |b| a.cmp(b) as i32));
    host.set("compare", Function::new(ctx.clone(), compare)?)?;
    host.set("indexOf", Function::new(ctx.clone(), index_of)?)?;
    let ascii_name = |name: String| idna::domain_to_ascii(&name).unwrap_or_default();
    host.set("asciiName", Function::new(ctx.clone(), ascii_name)?)
}

fn to_utf8<'js>(ctx: Ctx<'js>, text: String) -> Result<ArrayBuffer<'js>> {
    ArrayBuffer::new(ctx, text.into_bytes())
}

/// Bytes that are no UTF-8 become replacement characters.
fn from_utf8(bytes: Bytes) -> String {
    with_bytes(&bytes, |bytes| match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// Where a piece begins, at `from` or later; -1 when it is not there.
fn index_of(bytes: Bytes, piece: Bytes, from: f64) -> f64 {
    with_bytes(&bytes, |bytes| {
        with_bytes(&piece, |piece| {
            let from = from as usize;
            let found = bytes.get(from..).and_then(|rest| memchr::memmem::find(rest, piece));
            found.map_or(-1.0, |at| (from + at) as f64)
        })
    })
}

#[cfg(test)]
mod tests {
    use rquickjs::{Context, Object, Runtime};

    fn evaluated(source: &str) -> f64 {
        let runtime = Runtime::new().unwrap();
        Context::full(&runtime).unwrap().with(|ctx| {
            let host = Object::new(ctx.clone()).unwrap();
            super::install(&ctx, &host).unwrap();
            ctx.globals().set("host", host).unwrap();
            // as the program gets its numbers: not only what is computed from them in Rust
            let text: String = ctx.eval(format!("String({source})")).unwrap();
            text.parse().unwrap()
        })
    }

    #[test]
    fn a_checksum_above_2_to_the_31_reaches_the_program_positive() {
        assert_eq!(evaluated("host.crc32(Uint8Array.of(0x61))"), f64::from(0xe8b7_be43_u32));
        assert_eq!(evaluated("host.crc32(Uint8Array.of())"), 0.0);
    }

    #[test]
    fn a_part_of_an_array_is_only_that_part() {
        assert_eq!(
            evaluated("host.crc32(Uint8Array.of(1, 0x61, 2).subarray(1, 2))"),
            f64::from(0xe8b7_be43_u32)
        );
        assert_eq!(
            evaluated("host.indexOf(Uint8Array.of(9, 1, 2, 3).subarray(1), Uint8Array.of(3), 0)"),
            2.0
        );
        assert_eq!(evaluated("host.indexOf(Uint8Array.of(1), Uint8Array.of(1), 5)"), -1.0);
    }

    #[test]
    fn a_name_in_any_script_is_one_in_ascii_or_none() {
        let lengths =
            "[host.asciiName('b\u{fc}cher.Example'), host.asciiName('\u{fdd0}')].map((name) => name.length).join('.')";
        assert_eq!(evaluated(lengths), "xn--bcher-kva.example".len() as f64);
    }

    #[test]
    fn memory_that_was_given_away_is_empty() {
        let given = "(() => { const a = new Uint8Array(8); a.buffer.transfer(0); return host.crc32(a) })()";
        assert_eq!(evaluated(given), 0.0);
    }
}
