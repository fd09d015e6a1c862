//! The paged asset index.  In: tracks cut into fragments.  Out: one object from which any manifest
//! and any segment can be planned.

pub mod timeline;
