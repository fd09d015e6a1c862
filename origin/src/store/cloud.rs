//! Buckets and containers.  In: `s3://bucket/prefix` or `az://container/prefix`, and the process
//! environment.  Out: their objects, seen from the prefix.

use alloc::sync::Arc;
use core::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientOptions, ObjectStore};

use crate::failure::Failure;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// The bucket or container that `location` names.
pub(super) fn open(location: &str) -> Result<Arc<dyn ObjectStore>, Failure> {
    // Fails only where it was installed before, which is as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let refused = |error: object_store::Error| {
        Failure::new(location, error.to_string())
            .hint("set the store's credentials and endpoint in the environment")
    };
    let rest = location.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    let prefix = rest.split_once('/').map(|(_, prefix)| prefix).unwrap_or_default();
    let prefix =
        Path::parse(prefix).map_err(|_| Failure::new(location, "its prefix is no plain path"))?;
    if location.starts_with("s3") {
        let builder = AmazonS3Builder::from_env().with_client_options(patient());
        let store = builder.with_url(location).build().map_err(refused)?;
        return Ok(Arc::new(PrefixStore::new(store, prefix)));
    }
    let builder = MicrosoftAzureBuilder::from_env().with_client_options(patient());
    let store = builder.with_url(location).build().map_err(refused)?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}

/// The library would end a request after 30 s, its body included, however well that flows. We
/// count the time until something comes instead.
fn patient() -> ClientOptions {
    let plain = std::env::var("AWS_ALLOW_HTTP").or_else(|_| std::env::var("AZURE_ALLOW_HTTP"));
    ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(CONNECT)
        .with_allow_http(plain.is_ok_and(|value| value == "true"))
}
