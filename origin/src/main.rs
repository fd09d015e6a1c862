//! `selvedge`, the native binary.

fn main() {}
