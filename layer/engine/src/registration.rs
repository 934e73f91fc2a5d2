//! Registers with Lambda's Extensions API before there is an engine: the function's runtime starts when all extensions have.
//!
//! What came of it is handed to the program in the same variables as by the launcher of the nodejs flavour
//! (`layer/extensions/o2-lambda-extension`), and by the same rules: where nothing listens the program registers; once a
//! request was sent nobody may register again, whatever the answer is, and the program reports it.

use crate::sys;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A variable that the program finds in its environment. Customers cannot set names that begin with an underscore.
pub type Variable = (&'static str, String);

const NAME: &str = "_O2LAMBDA_EXTENSION_NAME";
const STATUS: &str = "_O2LAMBDA_STATUS";
const IDENTIFIER: &str = "_O2LAMBDA_IDENTIFIER";
const ANSWER: &str = "_O2LAMBDA_ANSWER";

/// Whether a variable is one of those: what the process was given is not from here.
pub fn is_ours(name: &str) -> bool {
    [NAME, STATUS, IDENTIFIER, ANSWER].contains(&name)
}

/// What is read of an answer. It has a few hundred bytes.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;
const MAX_HEADERS: usize = 64;

/// A request to register that is on its way, if there is one: the engine starts in the meantime.
pub struct Registration {
    name: String,
    sent: Option<TcpStream>,
}

impl Registration {
    /// Sends the request, unless this is a command.
    pub fn begin() -> Registration {
        let name = sys::executable_name();
        let api = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
        let is_command = std::env::args_os().len() > 1;
        let sent = if is_command { None } else { send(&api, &name) };
        Registration { name, sent }
    }

    /// Waits for the answer.
    pub fn finish(self) -> Vec<Variable> {
        let mut variables = vec![(NAME, self.name)];
        if let Some(stream) = self.sent {
            let mut received = Vec::new();
            // what came before the connection broke is an answer, too
            let _ = read_answer(stream, &mut received);
            let answer = Answer::of(&received).unwrap_or_default();
            let status = answer.status.map_or("none".into(), |status| status.to_string());
            variables.extend([(STATUS, status), (IDENTIFIER, answer.identifier), (ANSWER, answer.body)]);
        }
        variables
    }
}

/// The connection that the request went to. Lambda names an address; where it is a name, the program can look it up.
fn send(api: &str, name: &str) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(api.parse::<SocketAddr>().ok()?).ok()?;
    let is_managed_instance =
        std::env::var("AWS_LAMBDA_INITIALIZATION_TYPE").is_ok_and(|kind| kind == "lambda-managed-instances");
    let body = if is_managed_instance {
        r#"{"events":["SHUTDOWN"]}"#
    } else {
        r#"{"events":["INVOKE","SHUTDOWN"]}"#
    };
    let request = format!(
        "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\
         Lambda-Extension-Name: {name}\r\nLambda-Extension-Accept-Feature: accountId\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // a connection that breaks already has no answer
    let _ = stream.write_all(request.as_bytes());
    Some(stream)
}

/// Reads until the answer is whole: the connection may stay open.
fn read_answer(stream: TcpStream, received: &mut Vec<u8>) -> std::io::Result<()> {
    let mut stream = stream.take(MAX_ANSWER_BYTES);
    let mut part = [0; 4096];
    loop {
        let length = stream.read(&mut part)?;
        received.extend_from_slice(&part[..length]);
        if length == 0 || Answer::of(received).is_some_and(|answer| answer.is_whole) {
            return Ok(());
        }
    }
}

#[derive(Default)]
struct Answer {
    status: Option<u16>,
    identifier: String,
    body: String,
    is_whole: bool,
}

impl Answer {
    /// As much of an answer as has come; `None` before its head is whole.
    fn of(received: &[u8]) -> Option<Answer> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(head_length) = head.parse(received).ok()? else {
            return None;
        };
        let header = |name: &str| {
            let found = head
                .headers
                .iter()
                .find(|header| header.name.eq_ignore_ascii_case(name));
            found.map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
        };
        let rest = &received[head_length..];
        let (body, is_whole) = if header("transfer-encoding").is_some() {
            joined(rest)
        } else {
            match header("content-length").and_then(|length| length.parse().ok()) {
                Some(length) => (rest[..rest.len().min(length)].to_vec(), rest.len() >= length),
                // ends with the connection
                None => (rest.to_vec(), false),
            }
        };
        Some(Answer {
            status: head.code,
            identifier: header("lambda-extension-identifier").unwrap_or_default(),
            body: String::from_utf8_lossy(&body).into_owned(),
            is_whole,
        })
    }
}

/// The content of chunks, as far as they have come, and whether the last one has.
fn joined(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(rest) else {
            return (body, false);
        };
        if length == 0 {
            return (body, true);
        }
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length));
        let Some(chunk) = end.and_then(|end| rest.get(start..end)) else {
            body.extend_from_slice(&rest[start..]);
            return (body, false);
        };
        body.extend_from_slice(chunk);
        // the chunk ends with a line's end
        rest = rest.get(start + chunk.len() + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\nA;x=y\r\n\"a\":\"12345\r\n2\r\n\"}\r\n0\r\n\r\n";

    #[test]
    fn no_part_of_an_answer_is_more_than_the_whole() {
        let whole = Answer::of(CHUNKED).unwrap();
        assert_eq!((whole.body.as_str(), whole.is_whole), (r#"{"a":"12345"}"#, true));
        for length in 0..CHUNKED.len() {
            if let Some(answer) = Answer::of(&CHUNKED[..length]) {
                assert!(whole.body.starts_with(&answer.body) || !answer.is_whole, "{length}");
            }
        }
    }

    #[test]
    fn odd_answers_are_no_answers() {
        for odd in [
            &b""[..],
            b"\x16\x03\x01\x00",
            b"SSH-2.0-x\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
        ] {
            assert!(Answer::of(odd).is_none(), "{odd:?}");
        }
        let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nrest";
        assert_eq!(Answer::of(endless).unwrap().body, "rest");
    }
}
