//! Codes of errors, the words that Node.js has for them.

use rustls::CertificateError;
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
        return of_tls(tls).to_owned();
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
        return "HPE_INVALID_CONSTANT".to_owned();
    }
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return of_io(io);
        }
        source = inner.source();
    }
    "ECONNRESET".to_owned()
}

fn of_tls(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(problem) => match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "CERT_HAS_EXPIRED",
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "CERT_NOT_YET_VALID",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "ERR_TLS_CERT_ALTNAME_INVALID"
            }
            CertificateError::Revoked => "CERT_REVOKED",
            CertificateError::Other(other) => {
                let reason = other.0.downcast_ref::<crate::host::tls::Untrusted>();
                reason.map_or("UNABLE_TO_VERIFY_LEAF_SIGNATURE", |reason| reason.0)
            }
            _ => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        },
        _ => "EPROTO",
    }
}
