//! URLs.  In: a path.  Out: what it asks for, in the grammar of the AMS streaming endpoint.

pub mod params;

pub use params::{Format, Params};
