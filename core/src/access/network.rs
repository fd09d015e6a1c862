//! Networks.  In: `203.0.113.7`, `203.0.113.0/24` or `2001:db8::/32` (RFC 4632, RFC 4291 §2.3).
//! Out: which addresses lie in them. An IPv4 address written as IPv6 is the IPv4 address.

use alloc::format;
use core::net::IpAddr;
use core::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    /// How many leading bits count.
    bits: u32,
}

impl Network {
    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let differ = u64::from(first.to_bits() ^ address.to_bits()) << 32;
                differ.leading_zeros() >= self.bits || differ == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                (first.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The text may be part of a token: it is not repeated.
        let rule = |what: &str| Error::new(ErrorKind::Document, format!("network: {what}"));
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.trim().parse().map_err(|_| rule("not an IP address"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits: u32 = match bits {
            None => most,
            Some(text) => {
                let bits = text.parse().ok().filter(|bits| *bits <= most);
                bits.ok_or_else(|| rule(&format!("the length is not 0 to {most}")))?
            }
        };
        // ::ffff:192.0.2.0/120 is 192.0.2.0/24.
        Ok(match (address.to_canonical(), most) {
            (first @ IpAddr::V4(_), 128) if bits >= 96 => {
                Self { first, bits: bits.saturating_sub(96) }
            }
            (first @ IpAddr::V4(_), 32) => Self { first, bits },
            _ => Self { first: address, bits },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_lies_in_the_network_that_shares_its_first_bits() {
        for (network, address, expected) in [
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.6", false),
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.112.255", false),
            ("203.0.113.77/25", "203.0.113.1", true),
            ("203.0.113.77/25", "203.0.113.128", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("::1", "::1", true),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.113.9", true),
            ("::ffff:203.0.113.0/120", "203.0.114.9", false),
        ] {
            let parsed: Network = network.parse().unwrap();
            assert_eq!(parsed.contains(address.parse().unwrap()), expected, "{network} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "a", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/-1", "1.2.3.4/", "/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
