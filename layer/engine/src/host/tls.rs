//! TLS as a client: Mozilla's authorities, and those that the program adds.

use crate::host::certificate::{all_in, is_self_signed, validity};
use crate::sys::with_bytes;
use rquickjs::{Ctx, Function, Object, Result, TypedArray};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};
use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

thread_local! {
    static CONNECTOR: OnceCell<TlsConnector> = const { OnceCell::new() };
    static ADDED: RefCell<Vec<CertificateDer<'static>>> = const { RefCell::new(Vec::new()) };
}

pub fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> Result<()> {
    let has_certificate = |bytes: TypedArray<'js, u8>| with_bytes(&bytes, |bytes| !all_in(bytes).is_empty());
    host.set("hasCertificate", Function::new(ctx.clone(), has_certificate)?)?;
    host.set("trust", Function::new(ctx.clone(), trust)?)
}

/// Adds the authorities in a file's bytes; before the first connection, which fixes whom we trust.
fn trust(bytes: TypedArray<'_, u8>) {
    let authorities = with_bytes(&bytes, all_in);
    ADDED.with_borrow_mut(|added| added.extend(authorities));
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

fn make() -> std::result::Result<TlsConnector, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let extra = ADDED.take();
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
    ) -> Option<std::result::Result<ServerCertVerified, CertificateError>> {
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
    ) -> std::result::Result<ServerCertVerified, Error> {
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
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
