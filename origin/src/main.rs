//! `selvedge`, the native binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    selvedge_origin::cli::main()
}
