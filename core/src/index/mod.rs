//! Lands with its first module.
