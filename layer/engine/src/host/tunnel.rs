//! The way through a proxy to something behind it (RFC 9110, 9.3.6), as `src/platform/Tunnel.ts` has it for Node.js.

use crate::error_code;
use memchr::memmem;
use std::io::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of the answer to CONNECT, as many as of the headers of any answer.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How an answer begins; the figures may be others.
const STATUS_LINE: &[u8] = b"HTTP/1.1 111";

/// Asks the proxy; an error is a code. What comes behind its answer is left to be read.
pub async fn pass(stream: &mut TcpStream, request: &str) -> Result<(), String> {
    let failed = |error: Error| error_code::of_io(&error);
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut head = Vec::new();
    let mut some = [0; 1024];
    loop {
        let seen = stream.peek(&mut some).await.map_err(failed)?;
        if seen == 0 {
            return Err("ECONNRESET".to_owned());
        }
        let before = head.len();
        head.extend_from_slice(&some[..seen]);
        if let Some(code) = refusal(&head) {
            return Err(code);
        }
        let end = memmem::find(&head, b"\r\n\r\n").map(|at| at + 4);
        let taken = end.map_or(seen, |end| end - before);
        stream.read_exact(&mut some[..taken]).await.map_err(failed)?;
        if end.is_some() {
            return Ok(());
        }
        if head.len() > MAX_HEAD_BYTES {
            return Err("HPE_HEADER_OVERFLOW".to_owned());
        }
    }
}

/// Why an answer is none that lets us pass, as soon as that is known.
fn refusal(head: &[u8]) -> Option<String> {
    let is_other = |(&byte, &expected): (&u8, &u8)| byte != expected && !(expected == b'1' && byte.is_ascii_digit());
    if head.iter().zip(STATUS_LINE).any(is_other) {
        return Some("HPE_INVALID_CONSTANT".to_owned());
    }
    let status = head.get(STATUS_LINE.len() - 3..STATUS_LINE.len())?;
    (status[0] != b'2').then(|| format!("PROXY_{}", String::from_utf8_lossy(status)))
}

#[cfg(test)]
mod tests {
    use super::refusal;

    #[test]
    fn answers_are_judged_as_soon_as_they_are_known() {
        for passes in [
            "",
            "HT",
            "HTTP/1.1 20",
            "HTTP/1.1 200",
            "HTTP/1.0 200 Connection established\r\n",
        ] {
            assert_eq!(refusal(passes.as_bytes()), None, "{passes}");
        }
        for garbage in ["SSH", "HTTP/1.1 2x", "HTTP 200", "\x15\x03"] {
            assert_eq!(
                refusal(garbage.as_bytes()),
                Some("HPE_INVALID_CONSTANT".to_owned()),
                "{garbage}"
            );
        }
        assert_eq!(refusal(b"HTTP/1.1 407 Who"), Some("PROXY_407".to_owned()));
    }
}
