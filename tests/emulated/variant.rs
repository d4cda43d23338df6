//! The devices that the table runs on, each in a process of its own.

use super::{ALL, CHILD, FULL_WIDTH, LARGE, OPS};
use libtest_mimic::{Failed, Trial};
use scalefree::device::Cuda;
use simt::{Build, Profile};
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};
use std::{fs, io};

/// Settings of the emulator: which thread runs next, when asynchronous copies land, how a tensor core's sum is rounded, and the
/// multiprocessors (0: as many as such a card has).
type Settings = [(&'static str, &'static str); 4];

const fn settings(schedule: &'static str, cp_async: &'static str, mma: &'static str, processors: &'static str) -> Settings {
    [("SIMT_SCHEDULE", schedule), ("SIMT_CP_ASYNC", cp_async), ("SIMT_MMA", mma), ("SIMT_PROCESSORS", processors)]
}

/// Multiprocessors of a card so small that a block has much to do.
pub const FEW: &str = "3";

/// Between them every order of threads, both kinds of copies and of sums, and products cut for small cards and large ones.
const ORDERS: [Settings; 3] =
    [settings("ascending", "late", "once", "0"), settings("descending", "early", "truncate", FEW), settings("20", "late", "truncate", "0")];

/// The environment of a program that finds the libraries of `folder` when it asks for a driver. Any file passes for its kernels.
pub fn emulate<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let kernels = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    command.env("LD_LIBRARY_PATH", folder).env("SCALEFREE_KERNELS", kernels)
}

/// Copies the libraries of `from` to `to`; in `library` whatever is called `word`, a function or a kernel, gets another name.
pub fn without(word: &str, library: &str, from: &Path, to: &Path) -> io::Result<()> {
    for name in ["libcuda.so", "libcusolver.so"] {
        let mut bytes = fs::read(from.join(name))?;
        if name == library {
            // A name is a whole string of the library's tables.
            let string = [b"\0", word.as_bytes(), b"\0"].concat();
            let places: Vec<usize> = (0..bytes.len() - string.len()).filter(|at| bytes[*at..].starts_with(&string)).collect();
            if places.is_empty() {
                return Err(io::Error::other(format!("{library} has no {word}")));
            }
            places.into_iter().for_each(|at| bytes[at + 1] = b'?');
        }
        fs::write(to.join(name), bytes)?;
    }
    Ok(())
}

/// This program as a child.
pub fn child<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program's path"));
    command.arg(CHILD).args(arguments);
    command
}

/// The child's verdict: the lines of its failed cases and what it wrote to stderr.
pub fn verdict(output: &Output) -> Result<(), Failed> {
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<&str> = said.lines().filter(|line| line.starts_with("FAILED")).collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{}\n{stderr}", output.status, failed.join("\n")).into())
}

/// The table on every device: the CPU in f32, the emulator, and a card where there is one.
pub fn trials() -> Vec<Trial> {
    let mut trials = vec![Trial::test("cpu", || verdict(&child(["cpu", ALL]).output()?))];
    // 9.0 runs the code of 8.9, its products cut for more multiprocessors.
    for (profile, orders) in [(Profile::Sm75, &ORDERS[..]), (Profile::Sm89, &ORDERS[..2]), (Profile::Sm90, &ORDERS[2..])] {
        trials.extend(orders.iter().map(|order| emulated(profile, Build::Plain, *order, ALL)));
    }
    trials.push(emulated(Profile::Sm75, Build::Checking, ORDERS[0], OPS));
    // A card of few multiprocessors: large tiles, and last waves in shares.
    trials.push(emulated(Profile::Sm89, Build::Checking, ORDERS[1], OPS));
    trials.push(emulated(Profile::Sm89, Build::Plain, ORDERS[0], FULL_WIDTH));
    // Where there is no card the case is ignored by name, never passed.
    let card = Cuda::new(0, None).is_ok();
    for (name, table) in [("card", ALL), ("card, large tiles", LARGE)] {
        trials.push(Trial::test(name, move || verdict(&child(["card", table]).output()?)).with_ignored_flag(!card));
    }
    trials
}

fn emulated(profile: Profile, build: Build, order: Settings, table: &'static str) -> Trial {
    let words: Vec<_> = order.iter().map(|(_, value)| *value).filter(|value| *value != "0").collect();
    let name = format!("emulated sm_{}, {build:?}, {}: {table}", profile.number(), words.join(" "));
    let run = move || {
        let mut command = child(["emulated", table]);
        verdict(&emulate(&mut command, &simt::folder(profile, build)).envs(order).output()?)
    };
    Trial::test(name, run).with_ignored_flag(!simt::is_built())
}
