//! The program: parse, dispatch, print the error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    scalefree::cli::main()
}
