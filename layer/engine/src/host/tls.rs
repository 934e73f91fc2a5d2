//! TLS as a client: Mozilla's authorities, and those that `NODE_EXTRA_CA_CERTS` names.

use crate::host::lines::days_since_1970;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use std::cell::OnceCell;
use std::sync::Arc;
use tokio_rustls::TlsConnector;

thread_local! {
    static CONNECTOR: OnceCell<TlsConnector> = const { OnceCell::new() };
}

/// Made once, with the first connection that needs it: reading the authorities takes a moment.
pub fn connector() -> Option<TlsConnector> {
    CONNECTOR.with(|cell| {
        if cell.get().is_none() {
            let _ = cell.set(make().ok()?);
        }
        cell.get().cloned()
    })
}

fn make() -> Result<TlsConnector, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let path = std::env::var_os("NODE_EXTRA_CA_CERTS").filter(|path| !path.is_empty());
    // as on Node.js, a file that cannot be read adds nothing
    let extra = path.and_then(|path| CertificateDer::pem_file_iter(path).ok());
    let extra = extra.into_iter().flatten().flatten().collect::<Vec<_>>();
    roots.add_parsable_certificates(extra.iter().cloned());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(LikeNode { verifier, extra }))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The code that Node.js has for a chain that leads to no authority.
#[derive(Debug)]
pub struct Untrusted(pub &'static str);

impl std::fmt::Display for Untrusted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Untrusted {}

/// Accepts what webpki does, and besides a server's own certificate that was named as an authority: people sign one with
/// itself, which OpenSSL takes. Says more precisely than webpki why a chain is refused.
#[derive(Debug)]
struct LikeNode {
    verifier: Arc<WebPkiServerVerifier>,
    extra: Vec<CertificateDer<'static>>,
}

impl LikeNode {
    /// What stands instead of the error, if anything.
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<Result<ServerCertVerified, CertificateError>> {
        if self.extra.iter().any(|named| named.as_ref() == end_entity.as_ref()) {
            let certificate = webpki::EndEntityCert::try_from(end_entity).ok()?;
            let (from, to) = validity(end_entity)?;
            let now = i64::try_from(now.as_secs()).ok()?;
            return Some(match certificate.verify_is_valid_for_subject_name(name) {
                Err(_) => Err(CertificateError::NotValidForName),
                Ok(()) if now < from => Err(CertificateError::NotValidYet),
                Ok(()) if now > to => Err(CertificateError::Expired),
                Ok(()) => Ok(ServerCertVerified::assertion()),
            });
        }
        let reason = if is_self_signed(end_entity) {
            "DEPTH_ZERO_SELF_SIGNED_CERT"
        } else if intermediates.iter().any(is_self_signed) {
            "SELF_SIGNED_CERT_IN_CHAIN"
        } else {
            return None;
        };
        Some(Err(CertificateError::Other(OtherError(Arc::new(Untrusted(reason))))))
    }
}

impl ServerCertVerifier for LikeNode {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        {
            // that there is no way to an authority, or that an authority's certificate is the server's own
            Err(Error::InvalidCertificate(error @ (CertificateError::UnknownIssuer | CertificateError::Other(_)))) => {
                let judged = self.judge(end_entity, intermediates, server_name, now);
                judged.unwrap_or(Err(error)).map_err(Error::InvalidCertificate)
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|parsed| parsed.issuer() == parsed.subject())
}

/// From when to when a certificate is valid, in seconds since 1970 (RFC 5280, 4.1).
fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    // the version may be absent; then come serial number, algorithm and issuer
    let (tag, _, behind_version) = element(fields)?;
    if tag == 0xa0 {
        fields = behind_version;
    }
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (_, times, _) = element(fields)?;
    let (from_tag, from, behind) = element(times)?;
    let (to_tag, to, _) = element(behind)?;
    Some((seconds(from_tag, from)?, seconds(to_tag, to)?))
}

/// The tag and the content of a DER element, and what stands behind it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f).min(4))?;
        (
            digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)),
            rest,
        )
    };
    let (content, behind) = rest.split_at_checked(length)?;
    Some((tag, content, behind))
}

/// `UTCTime` has two digits for the year, `GeneralizedTime` four.
fn seconds(tag: u8, text: &[u8]) -> Option<i64> {
    let (century, text) = if tag == 0x17 {
        (None, text)
    } else {
        (Some(number(text.get(..2)?)?), &text[2..])
    };
    let part = |index: usize| number(text.get(index * 2..index * 2 + 2)?);
    let year = part(0)?;
    let century = century.unwrap_or(if year < 50 { 20 } else { 19 });
    let days = days_since_1970(century * 100 + year, part(1)?, part(2)?);
    Some(((days * 24 + part(3)?) * 60 + part(4)?) * 60 + part(5)?)
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_either_form_are_read() {
        assert_eq!(seconds(0x17, b"261128042133Z"), Some(1_795_839_693));
        assert_eq!(seconds(0x18, b"20261128042133Z"), Some(1_795_839_693));
        assert_eq!(seconds(0x17, b"991231235959Z"), Some(946_684_799));
        assert_eq!(seconds(0x18, b"2"), None);
        assert_eq!(seconds(0x17, b"2611280421"), None);
    }

    #[test]
    fn what_is_no_certificate_has_no_validity() {
        let all = [0x30, 0x82, 0x30, 0xff, 0x17, 0xa0, 0x02, 0x84, 0x00];
        for length in 0..all.len() {
            assert_eq!(validity(&all[..length]), None);
            assert_eq!(validity(&all[length..]), None);
        }
    }
}
