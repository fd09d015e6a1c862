//! Who may read.  In: a secret, a token, an object name and the time.  Out: yes, or which rule
//! said no. Comparison is constant-time; no error text holds a secret or a token.

pub mod network;
pub mod origin_token;
mod secret;

pub use network::Network;
pub use secret::Secret;
