//! Containers.  In: tracks and fragments of the index.  Out: box bytes around the samples.

pub mod cmaf;
