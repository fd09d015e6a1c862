//! Who is asking.  In: the other end of the connection, and headers.  Out: the client's address
//! and country, as far as somebody trustworthy tells.

use core::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use selvedge_core::access::Network;

/// Proxies whose word about their clients counts.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Where they stand.
    pub trusted: Vec<Network>,
    /// Header in which they say a client's country.
    pub country_header: Option<HeaderName>,
}

/// A client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) address: Option<IpAddr>,
    pub(crate) country: Option<String>,
}

impl Proxies {
    /// The client behind `peer`: the last address in `X-Forwarded-For` that is no trusted proxy's,
    /// for what stands before it was written by somebody else.
    pub(crate) fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Client {
        if !peer.is_some_and(|peer| self.trust(peer)) {
            return Client { address: peer, country: None };
        }
        let country = self.country_header.as_ref().and_then(|name| headers.get(name));
        let country = country.and_then(|country| country.to_str().ok()).map(ToOwned::to_owned);
        let lines = headers.get_all("x-forwarded-for").iter();
        let said: Vec<&str> =
            lines.flat_map(|line| line.to_str().unwrap_or("?").split(',')).collect();
        let mut address = peer;
        for hop in said.iter().rev() {
            address = hop.trim().parse().ok();
            if !address.is_some_and(|hop| self.trust(hop)) {
                break;
            }
        }
        Client { address, country }
    }

    fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> Client {
        let proxies = Proxies {
            trusted: vec!["10.0.0.0/8".parse().unwrap()],
            country_header: Some(HeaderName::from_static("x-country")),
        };
        let mut headers = HeaderMap::new();
        headers.insert("x-country", "SE".parse().unwrap());
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client(Some(peer.parse().unwrap()), &headers)
    }

    #[test]
    fn only_a_trusted_proxy_may_speak_for_others() {
        for (peer, forwarded, address) in [
            ("203.0.113.7", &["192.0.2.1"][..], Some("203.0.113.7")),
            ("10.1.1.1", &["192.0.2.1"], Some("192.0.2.1")),
            ("10.1.1.1", &["6.6.6.6, 192.0.2.1, 10.2.2.2"], Some("192.0.2.1")),
            ("10.1.1.1", &["6.6.6.6", "192.0.2.1"], Some("192.0.2.1")),
            ("10.1.1.1", &["192.0.2.1, nonsense"], None),
            ("10.1.1.1", &[], Some("10.1.1.1")),
            ("10.1.1.1", &["2001:db8::7"], Some("2001:db8::7")),
        ] {
            let found = client(peer, forwarded);
            assert_eq!(found.address, address.map(|text| text.parse().unwrap()), "{forwarded:?}");
            let trusted = peer.starts_with("10.");
            assert_eq!(found.country.as_deref(), trusted.then_some("SE"), "{peer}");
        }
    }
}
