//! HTTP and TLS of calls.  In: a [`Call`].  Out: its answer. What a name stands for is looked at
//! between the name server and the connection, so that nothing can change in between.

use alloc::sync::Arc;
use core::error::Error;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use selvedge_core::access::is_private;
use selvedge_core::job::{Call, CallError, Called};

/// A client for public addresses, and private ones if they are allowed; `None` where the system
/// has no certificates to trust.
pub(super) fn client(private: bool) -> Option<Client> {
    // Fails only where it was installed before, which is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder().redirect(Policy::none()).no_proxy();
    if !private {
        builder = builder.dns_resolver(Arc::new(Public));
    }
    let failed = |error| tracing::warn!(%error, "no other servers can be called");
    builder.build().map_err(failed).ok()
}

/// What comes of `call`.
pub(super) async fn call(client: &Client, call: &Call) -> Result<Called, CallError> {
    let url = call.remote.as_str();
    let request = if call.method == "POST" {
        client.post(url).body(call.body.clone())
    } else {
        client.get(url)
    };
    let request = call
        .headers
        .iter()
        .fold(request, |request, (name, value)| request.header(name.as_str(), value.as_str()));
    let patience = Duration::from_millis(call.patience_ms.into());
    let mut response = request.timeout(patience).send().await.map_err(|error| told(&error))?;
    let most = usize::try_from(call.most).unwrap_or(usize::MAX);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        if chunk.len() > most.saturating_sub(body.len()) {
            return Err(CallError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    let content_type = response.headers().get(CONTENT_TYPE);
    Ok(Called {
        status: response.status().as_u16(),
        content_type: content_type.and_then(|value| Some(value.to_str().ok()?.to_owned())),
        body: Bytes::from(body),
    })
}

fn told(error: &reqwest::Error) -> CallError {
    if error.is_timeout() {
        return CallError::TimedOut;
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.is::<Private>() {
            return CallError::Private;
        }
        cause = error.source();
    }
    CallError::Failed
}

/// Gives out public addresses alone.
#[derive(Debug)]
struct Public;

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> =
                found.filter(|address| !is_private(address.ip())).collect();
            if public.is_empty() {
                return Err(Private.into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// All a name stands for are private addresses.
#[derive(Debug)]
struct Private;

impl fmt::Display for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a private address")
    }
}

impl Error for Private {}

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge_core::access::Remote;
    use selvedge_core::job::Kept;

    #[tokio::test]
    async fn a_name_that_stands_for_a_private_address_is_not_called() {
        let call = Call {
            method: "GET",
            remote: Remote::parse("https://localhost:9/").unwrap(),
            headers: Vec::new(),
            body: Bytes::new(),
            most: 100,
            patience_ms: 2_000,
            private: false,
            keep: Kept::Never,
        };
        let answer = |private| {
            let call = call.clone();
            async move { super::call(&client(private).unwrap(), &call).await }
        };
        assert_eq!(answer(false).await, Err(CallError::Private));
        assert_eq!(answer(true).await, Err(CallError::Failed));
    }
}
