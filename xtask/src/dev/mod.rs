//! Everything on one machine.  In: a checkout on a machine with Rust and Node. Out: a demo asset
//! in a local store, the origin, the worker in wrangler and a page with players, until Ctrl-C.

mod children;
mod demo;
mod guarded;
mod page;

use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

use clap::Args;

use self::children::Children;
pub(crate) use self::demo::Offer;
use crate::run::{at, cargo, command, root, run, say, target};
use crate::{Result, check, edge, tools};

/// Longest wait for a server to answer. The first start of wrangler builds the worker.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Set everything up, fetch every URL of the demo once through the worker, and stop
    #[arg(long)]
    check: bool,
    /// Port of the worker
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Port of the origin
    #[arg(long, default_value_t = 8788)]
    origin_port: u16,
    /// Port of the player page
    #[arg(long, default_value_t = 8789)]
    player_port: u16,
    /// Folder of the store, into which the demo is published; without, one in .selvedge
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// Where everything listens.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The worker.
    pub(crate) worker: String,
    /// The origin.
    pub(crate) origin: String,
    /// The player page.
    pub(crate) page: String,
}

/// Sets up, runs, and ends what it started.
pub(crate) fn dev(options: &Options) -> Result<()> {
    let addresses = addresses(options)?;
    tools::node()?;
    tools::rust_targets(&[tools::WASM])?;
    tools::npm()?;
    say("building the worker");
    edge::build()?;
    say("building the selvedge binary");
    run(&mut cargo(["build", "--quiet", "--package", "selvedge-origin", "--bin", "selvedge"]))?;
    let selvedge = target().join("debug").join(format!("selvedge{}", std::env::consts::EXE_SUFFIX));
    let store = match &options.store {
        Some(folder) => std::path::absolute(folder).map_err(at(folder))?,
        None => root().join(".selvedge/store"),
    };
    demo::publish(&selvedge, &store, &addresses.worker)?;

    let (stop, stopped) = mpsc::channel();
    let handler = move || {
        // Nobody listens any more once everything is being ended.
        let _ = stop.send(());
    };
    ctrlc::set_handler(handler)
        .map_err(|error| format!("no handler for Ctrl-C could be set: {error}"))?;
    let folder = root().join(".selvedge");
    let secret = Secret::write(&folder, &addresses)?;
    guarded::publish(&store)?;
    let mut children = Children::default();
    say("starting the origin");
    children
        .start("the origin", &mut origin(&selvedge, &store, options, &addresses.worker, &secret))?;
    children.wait_for(&format!("{}/healthz", addresses.origin), &stopped, PATIENCE)?;
    say("starting the worker in wrangler");
    children.start("wrangler", &mut wrangler(options, &folder, &secret))?;
    let demo = demo::address(&addresses.worker);
    children.wait_for(&format!("{demo}/manifest(format=m3u8-cmaf)"), &stopped, PATIENCE)?;
    let closed = demo::closed(&selvedge, &addresses.worker, &secret.ring())?;
    let mut offers = guarded::offers(&selvedge, &store, &addresses.worker)?;
    let encrypted = offers.iter().map(|offer| offer.url.clone()).collect::<Vec<_>>();
    offers.insert(0, demo::behind_token(&closed));
    page::serve(options.player_port, &addresses, &offers)?;
    if options.check {
        return check::check(&addresses, &demo, &closed, &encrypted);
    }
    say(format_args!(
        "\n  player  {}\n  HLS     {demo}/manifest(format=m3u8-cmaf)\n  DASH    \
         {demo}/manifest(format=mpd-time-cmaf)\n  token   {closed}/manifest(format=m3u8-cmaf)\n  \
         origin  {}\n\nCtrl-C ends everything.",
        addresses.page, addresses.origin
    ));
    children.run_until(&stopped)
}

fn addresses(options: &Options) -> Result<Addresses> {
    let address = |port: u16, what: &str, flag: &str| {
        // Bound and freed at once: a sentence now is better than a stack trace from wrangler.
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
            format!("port {port} for {what} is not free ({error}); choose another with {flag}")
        })?;
        Ok::<_, String>(format!("http://127.0.0.1:{port}"))
    };
    Ok(Addresses {
        worker: address(options.port, "the worker", "--port")?,
        origin: address(options.origin_port, "the origin", "--origin-port")?,
        page: address(options.player_port, "the player page", "--player-port")?,
    })
}

/// What worker and origin share for one run, in a file that only its owner may read.
struct Secret {
    text: String,
    file: PathBuf,
}

impl Secret {
    fn write(folder: &Path, addresses: &Addresses) -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        fs::create_dir_all(folder).map_err(at(folder))?;
        let file = folder.join(format!("worker-{}.env", std::process::id()));
        let secret = Self { text, file };
        let Self { text, file } = &secret;
        let origin = &addresses.origin;
        owners_file(file)
            .and_then(|mut open| {
                let ring = secret.ring();
                write!(open, "STORE=origin\nORIGIN_URL={origin}\nORIGIN_SECRET={text}\n")?;
                write!(open, "TOKEN_SECRETS={ring}\nKEY_SEED={}\nDEV=1\n", guarded::SEED)
            })
            .map_err(at(file))?;
        Ok(secret)
    }

    /// Secrets of player tokens.
    fn ring(&self) -> String {
        format!("dev:{}", self.text)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // Nothing more can be done about a file that cannot be removed.
        let _ = fs::remove_file(&self.file);
    }
}

fn owners_file(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn origin(
    selvedge: &Path,
    store: &Path,
    options: &Options,
    worker: &str,
    secret: &Secret,
) -> Command {
    let mut origin = Command::new(selvedge);
    origin
        .args(["--log", "warn", "serve", "--api", "--store"])
        .arg(store)
        .args(["--base-url", worker, "--listen", &format!("127.0.0.1:{}", options.origin_port)])
        .env("SELVEDGE_ORIGIN_SECRET", &secret.text)
        .env("SELVEDGE_TOKEN_SECRETS", secret.ring())
        .env("SELVEDGE_KEY_SEED", guarded::SEED)
        .stdout(std::process::Stdio::null());
    origin
}

fn wrangler(options: &Options, folder: &Path, secret: &Secret) -> Command {
    let port = options.port.to_string();
    let mut wrangler = command("node", ["node_modules/wrangler/bin/wrangler.js", "dev"]);
    wrangler
        .args(["--ip", "127.0.0.1", "--port", &port, "--inspector-port", "0"])
        .args(["--log-level", "warn", "--show-interactive-dev-session=false"])
        .arg("--persist-to")
        .arg(folder.join("wrangler"))
        .arg("--env-file")
        .arg(&secret.file)
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
        .env("CI", "1");
    wrangler
}
