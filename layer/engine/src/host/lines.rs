//! Ordinary lines of a function, of text or objects, many in a row, from events to records: what `src/logs/PostEncoder.ts`
//! does with them, byte for byte. It stops before whatever is unusual, which is for that code.

use crate::engine::Argument;
use crate::host::json;
use crate::host::shape::{Hashes, Shape, Shown};
use crate::sys::with_bytes;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use std::cell::RefCell;

const BEFORE_TIME: &[u8] = b"{\"time\":\"";
/// `2026-11-22T10:00:00.123Z`
const TIME_BYTES: usize = 24;
const BEHIND_TIME: &[u8] = b"\",\"type\":\"function\",\"record\":";
const BEFORE_REQUEST_ID: &[u8] = b",\"requestId\":";

/// As in `src/logs/PostEncoder.ts`: what is nested deeper is sent as text.
const MAX_DEPTH: usize = 100;

thread_local! {
    static ORDER: RefCell<Order> = const { RefCell::new(Order { last: 0, count: 0, earlier: Vec::new() }) };
    static SHOWN: RefCell<Shown> = RefCell::default();
}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    let next = |micros: f64| ORDER.with_borrow_mut(|order| order.next(micros as u64) as f64);
    host.set("nextTimestamp", Function::new(ctx.clone(), next)?)?;
    let forget_shapes = || SHOWN.with_borrow_mut(Shown::forget);
    host.set("forgetShapes", Function::new(ctx.clone(), forget_shapes)?)?;
    host.set("encodeLines", Function::new(ctx.clone(), encode_lines)?)
}

/// Which lines are taken, and how they are written.
struct Terms<'a> {
    /// What is added to each record.
    tail: &'a [u8],
    /// An object says itself of which invocation it is.
    names_invocation: bool,
    oldest_micros: f64,
    newest_micros: f64,
    preserves_order: bool,
    /// No further record is begun when so many bytes are written.
    max_bytes: usize,
}

#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
    oldest_timestamp: f64,
    /// Where the first event begins that was not taken.
    at: usize,
    /// Its shape, when it was not taken for that alone.
    new_shape: Option<Hashes>,
}

/// Records, where they end (as `Uint32Array`), where reading goes on, the oldest timestamp, and both hashes of a shape that
/// the counter of columns has to be shown before.
fn encode_lines<'js>(
    ctx: Ctx<'js>,
    post: TypedArray<'js, u8>,
    at: f64,
    tail: TypedArray<'js, u8>,
    names_invocation: bool,
    limits: Vec<f64>,
    preserves_order: bool,
) -> Result<Vec<rquickjs::Value<'js>>> {
    use rquickjs::IntoJs;
    let [oldest_micros, newest_micros, max_bytes] = limits[..] else {
        return Ok(Vec::new());
    };
    let encoded = |post: &[u8], tail: &[u8]| {
        let terms = Terms {
            tail,
            names_invocation,
            oldest_micros,
            newest_micros,
            preserves_order,
            max_bytes: max_bytes.max(0.0) as usize,
        };
        ORDER.with_borrow_mut(|order| SHOWN.with_borrow_mut(|shown| encode(post, at as usize, &terms, order, shown)))
    };
    let records = with_bytes(&post, |post| with_bytes(&tail, |tail| encoded(post, tail)));
    let new_shape = records.new_shape.map(|Hashes { a, b }| vec![a as i32, b as i32]);
    Ok(vec![
        Argument::Bytes(records.bytes).into_js(&ctx)?,
        TypedArray::new(ctx.clone(), records.ends)?.into_value(),
        (records.at as f64).into_js(&ctx)?,
        records.oldest_timestamp.into_js(&ctx)?,
        new_shape.into_js(&ctx)?,
    ])
}

fn encode(post: &[u8], at: usize, terms: &Terms, order: &mut Order, shown: &mut Shown) -> Records {
    let mut records = Records {
        oldest_timestamp: f64::INFINITY,
        at,
        ..Records::default()
    };
    while records.bytes.len() < terms.max_bytes {
        let Some(line) = Line::read(post, records.at, terms.names_invocation) else {
            break;
        };
        let micros = line.micros as f64;
        if micros < terms.oldest_micros || micros > terms.newest_micros {
            break;
        }
        if let Some(shape) = line.shape.filter(|shape| shown.is_new(*shape)) {
            records.new_shape = Some(shape);
            break;
        }
        let timestamp = if terms.preserves_order {
            order.next(line.micros)
        } else {
            line.micros
        };
        records.oldest_timestamp = records.oldest_timestamp.min(timestamp as f64);
        records.bytes.extend_from_slice(b"{\"_timestamp\":");
        push_number(&mut records.bytes, timestamp);
        records.bytes.push(b',');
        records.bytes.extend_from_slice(line.kept);
        if !line.request_id.is_empty() {
            records.bytes.extend_from_slice(BEFORE_REQUEST_ID);
            records.bytes.extend_from_slice(line.request_id);
        }
        records.bytes.extend_from_slice(terms.tail);
        records.bytes.extend_from_slice(b"},");
        records.ends.push(records.bytes.len() as u32);
        records.at = line.end;
    }
    records
}

fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    while at == digits.len() || number > 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    bytes.extend_from_slice(&digits[at..]);
}

/// An event as Lambda writes it for a line.
struct Line<'a> {
    micros: u64,
    /// From the key of `type` to the end of `record`'s value.
    kept: &'a [u8],
    end: usize,
    /// Of an object; a line of text has only what all have.
    shape: Option<Hashes>,
    /// The one that it names, as JSON, when that is asked for; else empty.
    request_id: &'a [u8],
}

impl Line<'_> {
    /// The event behind the comma at `at`, or the first of all, if it is of that form, without anything that has to be looked at closely.
    fn read(post: &[u8], at: usize, names_invocation: bool) -> Option<Line<'_>> {
        let start = at + 1;
        let time_at = start + BEFORE_TIME.len();
        let behind_time = time_at + TIME_BYTES;
        let record_at = behind_time + BEHIND_TIME.len();
        let follows = *post.get(at)? == if at == 0 { b'[' } else { b',' };
        let has_form = post.get(start..time_at)? == BEFORE_TIME && post.get(behind_time..record_at)? == BEHIND_TIME;
        if !follows || !has_form {
            return None;
        }
        let micros = micros(&post[time_at..behind_time])?;
        // half a surrogate pair ends it as well
        let (behind_record, shape) = match post.get(record_at)? {
            b'"' => (json::string_end(post, record_at)?, None),
            b'{' => {
                let mut shape = Shape::new(post);
                let (end, depth) = json::visit(post, record_at, &mut shape)?;
                if depth > MAX_DEPTH {
                    return None;
                }
                (end, Some(shape))
            }
            _ => return None,
        };
        let end = behind_record + 1;
        let is_last_or_followed = matches!(post.get(end)?, b',' | b']');
        if post[behind_record] != b'}' || !is_last_or_followed {
            return None;
        }
        let request_id = match &shape {
            Some(shape) if names_invocation => shape.request_id().ok()?,
            _ => b"",
        };
        // behind the quote and the comma
        Some(Line {
            micros,
            kept: &post[behind_time + 2..behind_record],
            end,
            shape: shape.map(|shape| shape.hashes),
            request_id,
        })
    }
}

/// Microseconds since 1970 of `2026-11-22T10:00:00.123Z`, if it is a time of that form.
fn micros(text: &[u8]) -> Option<u64> {
    let is_form = text.len() == TIME_BYTES
        && text[4] == b'-'
        && text[7] == b'-'
        && text[10] == b'T'
        && text[13] == b':'
        && text[16] == b':'
        && text[19] == b'.'
        && text[23] == b'Z';
    let number = |from: usize, to: usize| {
        let digits = &text[from..to];
        let sum = digits
            .iter()
            .fold(0, |sum, &digit| sum * 10 + i64::from(digit.wrapping_sub(b'0')));
        digits.iter().all(u8::is_ascii_digit).then_some(sum)
    };
    if !is_form {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second, millis) = (number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?);
    // years before are no times of logs, and the days of a month may be too many, as for `Date.UTC`
    let is_time = year >= 1970 && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_time || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day);
    u64::try_from(((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millis) * 1000).ok()
}

/// Days from 1970 to a date of the Gregorian calendar; those of a month may be too many (Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms").
pub fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468
}

/// Distinct milliseconds that are remembered, as in `src/logs/EventTime.ts`.
const REMEMBERED_MILLISECONDS: usize = 256;

/// `MillisecondOrder` of `src/logs/EventTime.ts`, for both ways.
struct Order {
    last: u64,
    count: u64,
    /// Earlier milliseconds, and how many events each has had; the one longest unused first.
    earlier: Vec<(u64, u64)>,
}

impl Order {
    fn next(&mut self, micros: u64) -> u64 {
        if !micros.is_multiple_of(1000) {
            return micros;
        }
        if micros != self.last {
            if self.count > 0 {
                self.remember();
            }
            self.last = micros;
            let known = self.earlier.iter().rev().find(|(known, _)| *known == micros);
            self.count = known.map_or(0, |(_, count)| *count);
        }
        self.count += 1;
        micros + (self.count - 1).min(999)
    }

    fn remember(&mut self) {
        if let Some(at) = self.earlier.iter().rposition(|(known, _)| *known == self.last) {
            self.earlier.remove(at);
        }
        self.earlier.push((self.last, self.count));
        if self.earlier.len() > REMEMBERED_MILLISECONDS {
            self.earlier.remove(0);
        }
    }
}
