//! Settings of calls to other people's servers.  In: arguments, environment.  Out: whom to call.

use clap::Args;
use selvedge_core::job::{Calls, ServerHeaders};

use crate::failure::Failure;

/// Whom to call, and what with.
#[derive(Debug, Args)]
pub(super) struct CallArguments {
    /// Call identity providers and licence servers at private addresses too, by http as well: for
    /// development, and for servers within your network.
    #[arg(long)]
    call_private: bool,
    /// How long such a server may take to answer, milliseconds.
    #[arg(long, default_value_t = Calls::default().patience_ms, value_name = "MILLISECONDS")]
    call_timeout: u32,
    /// Environment variable that holds headers for licence servers, as JSON:
    /// {"licences.example.com": {"Authorization": "Bearer …"}}
    #[arg(long, default_value = "SELVEDGE_LICENSE_HEADERS", value_name = "NAME")]
    license_headers_env: String,
}

impl CallArguments {
    pub(super) fn calls(&self) -> Result<Calls, Failure> {
        let name = &self.license_headers_env;
        let text = std::env::var(name).unwrap_or_default();
        let headers = if text.is_empty() {
            ServerHeaders::default()
        } else {
            ServerHeaders::from_json(&text).map_err(|error| Failure::core(name, &error))?
        };
        Ok(Calls { private: self.call_private, patience_ms: self.call_timeout, headers })
    }
}
