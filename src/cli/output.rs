//! What commands print, line by line. `println!` would panic where nobody reads any more, or the disk is full.

use crate::Error;
use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::process::exit;

/// A line of a command's result, on stdout.
macro_rules! out {
    ($($text:tt)*) => { $crate::cli::output::result(format_args!($($text)*)) };
}

/// A line to the person at the keyboard, on stderr.
macro_rules! note {
    ($($text:tt)*) => { $crate::cli::output::remark(format_args!($($text)*)) };
}

/// What [`out!`] does. Where nobody reads any more, a command goes on to its end: there may be a file to write, and a verdict in its exit code.
pub(super) fn result(text: Arguments<'_>) {
    match writeln!(stdout(), "{text}") {
        Err(fault) if fault.kind() != ErrorKind::BrokenPipe => {
            let error = Error::write("standard output", fault);
            remark(format_args!("error: {error}"));
            exit(i32::from(error.exit_code()));
        }
        _ => {}
    }
}

/// What [`note!`] does: no work is given up because nobody listens.
pub(super) fn remark(text: Arguments<'_>) {
    let _ = writeln!(stderr(), "{text}");
}
