//! Addresses of servers that are not ours.  In: a URL out of a document.  Out: one that every
//! client reads alike, and whether it may be called. Asks no name server: who does, asks
//! [`is_private`] of what came back.

use alloc::format;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{Error, ErrorKind};

/// Longest address taken, bytes.
const LONGEST: usize = 2048;

/// An absolute `http` or `https` URL (3986), without user, fragment or anything else that clients
/// have been known to read differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    text: String,
    secure: bool,
    /// Host and port, in lower case.
    authority: String,
    host: Host,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Name(String),
    Address(IpAddr),
}

impl Remote {
    /// Reads `text`.
    ///
    /// # Errors
    /// [`ErrorKind::Document`], naming the rule and nothing of the text.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| fault("it is not absolute"))?;
        let secure = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(fault("its scheme is not https")),
        };
        if text.len() > LONGEST {
            return Err(fault("it is longer than 2048 bytes"));
        }
        let odd = |byte: u8| !byte.is_ascii_graphic() || b"\"#<>\\^`{|}".contains(&byte);
        if text.bytes().any(odd) {
            return Err(fault("it holds a byte that has to be percent-encoded (3986 §2)"));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default().to_ascii_lowercase();
        let host = host(&authority).ok_or_else(|| fault("its host is none (3986 §3.2.2)"))?;
        Ok(Self { text: String::from(text), secure, authority, host })
    }

    /// The whole of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and port, as they are written, in lower case: fit for a log.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether it may be called: by `https` at a public address. Where `private` is allowed, also
    /// at private ones and there by `http` too.
    ///
    /// # Errors
    /// [`ErrorKind::Document`], naming the rule.
    pub fn may_be_called(&self, private: bool) -> Result<(), Error> {
        let inside = match &self.host {
            Host::Address(address) => is_private(*address),
            Host::Name(name) => is_private_name(name),
        };
        if inside && !private {
            return Err(fault("its host is a private one, and calls to such are not allowed"));
        }
        if !self.secure && !inside {
            return Err(fault("its scheme is not https"));
        }
        Ok(())
    }
}

/// The host of an authority (3986 §3.2); `None` where it has a user, or is none.
fn host(authority: &str) -> Option<Host> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            (Host::Address(IpAddr::V6(address.parse().ok()?)), port)
        }
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            let (name, port) = authority.split_at_checked(end)?;
            (named(name)?, port)
        }
    };
    let port_fits = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    let fits = port.is_empty() || port.strip_prefix(':').is_some_and(port_fits);
    fits.then_some(host)
}

/// A name of letters, digits, hyphens and dots; one whose last part begins with a digit is an IPv4
/// address, written in the usual way: browsers take `127.1` and `0x7f000001` for one too.
fn named(name: &str) -> Option<Host> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| !label.is_empty() && label.len() < 64 && label.bytes().all(known);
    if !name.split('.').all(is_label) {
        return None;
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.starts_with(|first: char| first.is_ascii_digit()) {
        return Some(Host::Address(IpAddr::V4(name.parse().ok()?)));
    }
    Some(Host::Name(String::from(name)))
}

/// Names that mean something within a network alone (6761, 6762, and those without a dot).
fn is_private_name(name: &str) -> bool {
    let endings = ["localhost", "local", "internal", "home.arpa"];
    let ends = |ending: &&str| name.strip_suffix(*ending).is_some_and(|rest| rest.ends_with('.'));
    !name.contains('.') || endings.iter().any(ends)
}

/// Whether `address` is anything else than a public unicast address: IANA's registries of
/// special-purpose addresses (6890).
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    match (a, b) {
        (0 | 10 | 127 | 224.., _) | (169, 254) | (192, 168) | (198, 18 | 19) => true,
        (100, b) => (64..128).contains(&b),
        (172, b) => (16..32).contains(&b),
        (192, 0) => matches!(c, 0 | 2),
        (192, 88) => c == 99,
        (198, 51) => c == 100,
        (203, 0) => c == 113,
        _ => false,
    }
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
        let [[w, x], [y, z]] = [g.to_be_bytes(), h.to_be_bytes()];
        return is_private_v4(Ipv4Addr::new(w, x, y, z)); // 6052: as the translator has it
    }
    match a {
        0x2001 => b < 0x200 || b == 0x0db8,
        0x2002 => true, // 3056: an IPv4 address is in there
        0x3fff => b < 0x1000,
        _ => a >> 13 != 1, // 4291 §2.5.4: public unicast addresses begin with 001
    }
}

fn fault(rule: &str) -> Error {
    Error::new(ErrorKind::Document, format!("address: {rule}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(text: &str, private: bool) -> bool {
        Remote::parse(text).is_ok_and(|remote| remote.may_be_called(private).is_ok())
    }

    #[test]
    fn public_servers_are_called_by_https_alone() {
        for text in [
            "https://login.example.com/.well-known/openid-configuration",
            "https://licences.example.com:8443/a?b=c%20d",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/keys",
            "https://a.example",
        ] {
            assert!(may(text, false), "{text}");
            assert!(!may(&text.replace("https", "http"), true), "http: {text}");
        }
    }

    #[test]
    fn private_servers_are_called_where_that_is_allowed() {
        for host in [
            "localhost",
            "keys.localhost",
            "keys",
            "keys.internal",
            "printer.local",
            "127.0.0.1:80",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "0.0.0.0",
            "255.255.255.255",
            "[::1]",
            "[::]:8080",
            "[fd00::1]",
            "[fe80::1]",
            "[::ffff:10.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[2002:a00:1::]",
        ] {
            for scheme in ["http", "https"] {
                let text = format!("{scheme}://{host}/keys");
                assert!(!may(&text, false) && may(&text, true), "{text}");
            }
        }
        assert!(may("https://[64:ff9b::8.8.8.8]/", false));
        assert!(may("https://172.32.0.1/", false) && may("https://100.128.0.1/", false));
    }

    #[test]
    fn what_clients_read_differently_is_refused() {
        for text in [
            "",
            "/keys",
            "keys.example",
            "ftp://keys.example/",
            "HTTPS://keys.example/",
            "https:///keys",
            "https://user@keys.example/",
            "https://keys.example:0/",
            "https://keys.example:65536/",
            "https://keys.example:/",
            "https://keys.example./",
            "https://keys..example/",
            "https://keys.example\\@127.0.0.1/",
            "https://keys.example/#a",
            "https://keys.example/a b",
            "https://keys.example/\n",
            "https://keys%2eexample/",
            "https://kéys.example/",
            "https://127.1/",
            "https://0x7f.0.0.1/",
            "https://0177.0.0.1/",
            "https://2130706433/",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            &format!("https://keys.example/{}", "a".repeat(LONGEST)),
        ] {
            assert!(Remote::parse(text).is_err(), "{text}");
        }
    }
}
