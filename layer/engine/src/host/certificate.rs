//! What is to be known of certificates beside what webpki says.

use crate::host::lines::days_since_1970;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// All that can be used of a PEM text, or a certificate by itself.
pub fn all_in(bytes: &[u8]) -> Vec<CertificateDer<'static>> {
    let mut all = CertificateDer::pem_slice_iter(bytes).flatten().collect::<Vec<_>>();
    if all.is_empty() {
        all.push(CertificateDer::from(bytes.to_vec()));
    }
    all.retain(|certificate| webpki::anchor_from_trusted_cert(certificate).is_ok());
    all
}

pub fn is_self_signed(certificate: &CertificateDer<'_>) -> bool {
    webpki::EndEntityCert::try_from(certificate).is_ok_and(|parsed| parsed.issuer() == parsed.subject())
}

/// From when to when a certificate is valid, in seconds since 1970 (RFC 5280, 4.1).
pub fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
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
