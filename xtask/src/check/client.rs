//! HTTP on loopback, as a player in a page speaks it.  In: a URL. Out: the answer, read to its end.

use core::time::Duration;

use crate::Result;

/// Most bytes of a body: the demo has nothing like it.
const LARGEST_BODY: u64 = 64 << 20;

/// The page it says it is.
pub(super) const ORIGIN: &str = "http://player.example";

/// A client that takes every status for an answer.
#[derive(Debug)]
pub(super) struct Client(ureq::Agent);

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    /// The body, all of it.
    pub(super) body: Vec<u8>,
}

impl Default for Client {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self(config.into())
    }
}

impl Client {
    /// `GET`, with headers.
    pub(super) fn get(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer> {
        let request = self.0.get(encoded(url)).header("Origin", ORIGIN);
        // A compressed answer has no length to compare.
        let request = request.header("Accept-Encoding", "identity");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        read(request.call())
    }

    /// `HEAD`.
    pub(super) fn head(&self, url: &str) -> Result<Answer> {
        let request = self.0.head(encoded(url)).header("Origin", ORIGIN);
        read(request.header("Accept-Encoding", "identity").call())
    }
}

fn read(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let mut response = response.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(LARGEST_BODY).read_to_vec();
    let body = body.map_err(|error| format!("the body broke off: {error}"))?;
    Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
}

/// What the URI type of the client does not take, though players send it so.
fn encoded(url: &str) -> String {
    url.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D")
}

impl Answer {
    /// Bytes of the body.
    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.body.len()).unwrap_or(u64::MAX)
    }

    /// A header's value, empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The status is this.
    pub(super) fn is(&self, status: u16) -> Result<()> {
        if self.status == status {
            return Ok(());
        }
        let body = String::from_utf8_lossy(self.body.get(..200).unwrap_or(&self.body));
        Err(format!("{} instead of {status}: {}", self.status, body.trim()))
    }

    /// A header has this value.
    pub(super) fn has(&self, name: &str, value: &str) -> Result<()> {
        match self.header(name) {
            found if found == value => Ok(()),
            found => Err(format!("{name} is `{found}`, not `{value}`")),
        }
    }
}
