//! Codes of errors, the words that Node.js has for them.

use rustls::{CertificateError, InvalidMessage, PeerIncompatible};
use std::error::Error;
use std::io;

const NAMES: &[(i32, &str)] = &[
    (libc::EACCES, "EACCES"),
    (libc::EADDRINUSE, "EADDRINUSE"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
    (libc::ECONNABORTED, "ECONNABORTED"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
    (libc::ECONNRESET, "ECONNRESET"),
    (libc::EDQUOT, "EDQUOT"),
    (libc::EEXIST, "EEXIST"),
    (libc::EFBIG, "EFBIG"),
    (libc::EHOSTUNREACH, "EHOSTUNREACH"),
    (libc::EINVAL, "EINVAL"),
    (libc::EIO, "EIO"),
    (libc::EISDIR, "EISDIR"),
    (libc::ELOOP, "ELOOP"),
    (libc::EMFILE, "EMFILE"),
    (libc::ENAMETOOLONG, "ENAMETOOLONG"),
    (libc::ENETUNREACH, "ENETUNREACH"),
    (libc::ENFILE, "ENFILE"),
    (libc::ENODEV, "ENODEV"),
    (libc::ENOENT, "ENOENT"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::ENOSPC, "ENOSPC"),
    (libc::ENOTCONN, "ENOTCONN"),
    (libc::ENOTDIR, "ENOTDIR"),
    (libc::ENOTEMPTY, "ENOTEMPTY"),
    (libc::ENXIO, "ENXIO"),
    (libc::EPERM, "EPERM"),
    (libc::EPIPE, "EPIPE"),
    (libc::EROFS, "EROFS"),
    (libc::ETIMEDOUT, "ETIMEDOUT"),
    (libc::EXDEV, "EXDEV"),
];

/// Of an error of the system, or of TLS within one.
pub fn of_io(error: &io::Error) -> String {
    if let Some(number) = error.raw_os_error() {
        let known = NAMES.iter().find(|(known, _)| *known == number);
        return known.map_or_else(|| format!("E{number}"), |(_, name)| (*name).to_owned());
    }
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return of_tls(tls);
    }
    match error.kind() {
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::InvalidInput => "EINVAL",
        // a peer that ends in the middle, during TLS as well
        _ => "ECONNRESET",
    }
    .to_owned()
}

/// Of an exchange over HTTP.
pub fn of_http(error: &hyper::Error) -> String {
    if error.is_parse_too_large() {
        return "HPE_HEADER_OVERFLOW".to_owned();
    }
    if error.is_parse() {
        // hyper's words are all that tells what was read so far
        let is_http = ["header", "content-length", "transfer-encoding"].map(|word| error.to_string().contains(word));
        let code = if error.is_parse_status() {
            "HPE_INVALID_STATUS"
        } else if is_http.contains(&true) {
            "HPE_INVALID_HEADER_TOKEN"
        } else {
            "HPE_INVALID_CONSTANT"
        };
        return code.to_owned();
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return of_transfer(io);
        }
        source = inner.source();
    }
    "ECONNRESET".to_owned()
}

/// What hyper finds wrong with chunks are errors of input that come from no system and no TLS.
fn of_transfer(error: &io::Error) -> String {
    let is_input = matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData);
    let is_tls = error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    if is_input && !is_tls && error.raw_os_error().is_none() {
        return "HPE_INVALID_CHUNK_SIZE".to_owned();
    }
    of_io(error)
}

/// Alerts by their numbers (RFC 8446, 6), as `src/platform/ErrorCode.ts` has them: OpenSSL's names change.
fn of_tls(error: &rustls::Error) -> String {
    let code = match error {
        rustls::Error::AlertReceived(alert) => return format!("TLS_ALERT_{}", u8::from(*alert)),
        rustls::Error::InvalidCertificate(problem) => of_certificate(problem),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            "ERR_SSL_WRONG_VERSION_NUMBER"
        }
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "ERR_SSL_UNSUPPORTED_PROTOCOL",
        _ => "EPROTO",
    };
    code.to_owned()
}

fn of_certificate(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "CERT_HAS_EXPIRED",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "CERT_NOT_YET_VALID",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "ERR_TLS_CERT_ALTNAME_INVALID"
        }
        CertificateError::Revoked => "CERT_REVOKED",
        CertificateError::UnknownIssuer => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => "INVALID_PURPOSE",
        CertificateError::BadSignature => "CERT_SIGNATURE_FAILURE",
        CertificateError::Other(other) => {
            let reason = other.0.downcast_ref::<crate::host::tls::Untrusted>();
            reason.map_or("CERT_REJECTED", |reason| reason.0)
        }
        _ => "CERT_REJECTED",
    }
}
