//! HTTP, as a plain client sees it.  In: a URL.  Out: status, headers, body.

use core::time::Duration;

/// A response, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// Value of the header `name`, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a text body is UTF-8")
    }
}

/// Something that answers `GET`: a server, or the core itself.
pub type Get<'a> = dyn Fn(&str) -> Result<Response, String> + Sync + 'a;

/// Sends `GET url` with `headers`.
///
/// # Errors
/// Where no complete response came.
pub fn get_with(url: &str, headers: &[(&str, &str)]) -> Result<Response, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let request =
        headers.iter().fold(agent.get(url), |request, (name, value)| request.header(*name, *value));
    let mut response = request.call().map_err(|error| format!("GET {url}: {error}"))?;
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec();
    let headers = response.headers().iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(Response {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: body.map_err(|error| format!("GET {url}: {error}"))?,
    })
}

/// `GET url` over HTTP.
///
/// # Errors
/// Where no complete response came.
pub fn http(url: &str) -> Result<Response, String> {
    get_with(url, &[])
}

/// The response to `GET url`, which has to be 200.
///
/// # Errors
/// Where it is not.
pub fn ok(get: &Get<'_>, url: &str) -> Result<Response, String> {
    let response = get(url)?;
    if response.status != 200 {
        let start = String::from_utf8_lossy(&response.body[..response.body.len().min(300)]);
        return Err(format!("GET {url}: {} {start}", response.status));
    }
    Ok(response)
}

/// `reference` seen from `base` (RFC 3986 §5, as far as manifests use it: an absolute URL, an
/// absolute path, or a path below the folder of `base`).
#[must_use]
pub fn resolve(base: &str, reference: &str) -> String {
    if reference.contains("://") {
        return reference.to_owned();
    }
    let path = base.split(['?', '#']).next().unwrap_or(base);
    if reference.starts_with('/') {
        let host = path.find("://").map_or(0, |at| at + 3);
        let end = path[host..].find('/').map_or(path.len(), |at| host + at);
        return format!("{}{reference}", &path[..end]);
    }
    let folder = path.rfind('/').map_or("", |at| &path[..=at]);
    format!("{folder}{reference}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_resolve_against_the_folder_of_their_base() {
        let base = "http://h:1/a/b.ism/manifest(format=m3u8-cmaf)?t=1/2";
        for (reference, whole) in [
            ("Q(1)/M(v)", "http://h:1/a/b.ism/Q(1)/M(v)"),
            ("/x", "http://h:1/x"),
            ("http://k/y", "http://k/y"),
        ] {
            assert_eq!(resolve(base, reference), whole);
        }
    }
}
