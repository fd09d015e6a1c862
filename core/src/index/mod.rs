//! The paged asset index.  In: a server manifest and its movies.  Out: one object from which any
//! manifest and any segment can be planned.

pub mod build;
