//! `selvedge serve`

use core::net::SocketAddr;
use core::time::Duration;

use axum::http::HeaderName;
use clap::Args;
use selvedge_core::access::{Network, Secret};
use selvedge_core::job::Config;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::{Door, Proxies, Settings, router};
use crate::cli::StoreArgument;
use crate::cli::calls::CallArguments;
use crate::cli::gateway::Tokens;
use crate::cli::key::KeyArguments;
use crate::failure::Failure;
use crate::store::Store;

/// How long streams under way may take to end after the signal.
const FAREWELL: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:8788", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    store: StoreArgument,
    /// Environment variable that holds the secret of signed origin URLs, at least 16 bytes.
    #[arg(long, default_value = SECRET_VARIABLE, value_name = "NAME")]
    secret_env: String,
    /// Serve raw objects to everybody. For work on one machine.
    #[arg(long)]
    open_store: bool,
    /// List all assets with their URLs at /api/assets.
    #[arg(long)]
    api: bool,
    /// What URLs in that list begin with; without, the host that was asked.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// Network of a proxy that says in X-Forwarded-For whose requests it hands on, as 10.0.0.0/8.
    /// May be given several times.
    #[arg(long, value_name = "NETWORK")]
    trust_proxy: Vec<Network>,
    /// Header in which such a proxy says from which country a request comes.
    #[arg(long, value_name = "NAME", requires = "trust_proxy")]
    country_header: Option<HeaderName>,
    /// Streaming endpoint this is: its settings are endpoints/NAME.json in the store.
    #[arg(long, default_value_t = Config::default().endpoint, value_name = "NAME")]
    endpoint: String,
    #[command(flatten)]
    keys: KeyArguments,
    #[command(flatten)]
    tokens: Tokens,
    #[command(flatten)]
    calls: CallArguments,
    /// `max-age` of manifests and fragments, seconds.
    #[arg(long, default_value_t = Config::default().max_age, value_name = "SECONDS")]
    max_age: u32,
    /// Answer `?explain` behind a manifest's address with the publish report, as text or JSON.
    #[arg(long)]
    explain: bool,
    /// Trust the sizes of stored objects alone: for stores copied after they were indexed.
    #[arg(long)]
    ignore_etags: bool,
}

/// Where the secret is looked for unless told otherwise.
pub(super) const SECRET_VARIABLE: &str = "SELVEDGE_ORIGIN_SECRET";

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let settings = Settings {
            store: Store::open(&self.store.store)?,
            door: self.door()?,
            config: Config {
                endpoint: self.endpoint.clone(),
                max_age: self.max_age,
                check_etags: !self.ignore_etags,
                master_key: self.keys.master_key()?,
                key_seed: self.keys.key_seed()?,
                gateway: self.tokens.gateway()?,
                calls: self.calls.calls()?,
                explain: self.explain,
                ..Config::default()
            },
            api: self.api,
            base_url: self.base_url.clone(),
            proxies: Proxies {
                trusted: self.trust_proxy.clone(),
                country_header: self.country_header.clone(),
            },
        };
        let refused = |error: std::io::Error| {
            Failure::new(self.listen.to_string(), error.to_string())
                .hint("choose another address with --listen")
        };
        let listener = TcpListener::bind(self.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        // Before anybody learns that we are here: a signal must not find us without a handler.
        let stop = stop_signal().map_err(refused)?;
        super::say(format_args!("listening on http://{address}"));
        until_told(listener, settings, stop).await.map_err(refused)
    }

    fn door(&self) -> Result<Door, Failure> {
        if self.open_store {
            tracing::warn!("raw objects are open to everybody (--open-store)");
            return Ok(Door::Open);
        }
        match secret(&self.secret_env)? {
            Some(secret) => Ok(Door::Token(secret)),
            None => {
                let name = &self.secret_env;
                tracing::warn!("{name} is not set: raw objects under /store/ are refused");
                Ok(Door::Shut)
            }
        }
    }
}

/// The secret in the environment variable `name`.
pub(super) fn secret(name: &str) -> Result<Option<Secret>, Failure> {
    let Some(text) = std::env::var_os(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let short = |error| Failure::core(name, &error).hint("`openssl rand -hex 32` makes a good one");
    Secret::new(text.into_encoded_bytes()).map(Some).map_err(short)
}

/// Serves until SIGINT or SIGTERM, then lets what is under way end.
async fn until_told(
    listener: TcpListener,
    settings: Settings,
    signal: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (told, hear) = oneshot::channel();
    let stop = async move {
        signal.await;
        tracing::info!("stopping");
        let _ = told.send(());
    };
    let service = router(settings).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(stop);
    let patience = async {
        let _ = hear.await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        done = server.into_future() => done,
        () = patience => Ok(()),
    }
}

/// Ends with SIGINT or SIGTERM, which from now on no longer end the process.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends with Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
