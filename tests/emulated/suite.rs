//! `scripts/gpu-suite.sh` runs on machines where nobody looks at a step that finds nothing to do: whatever it names must exist.

use super::{ALL, Arithmetic, FULL_WIDTH, LARGE, OPS, eigen, ops};
use libtest_mimic::{Failed, Trial};
use scalefree::bench;
use scalefree::config::{Config, Preset};
use scalefree::device::Cpu;
use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/gpu-suite.sh");

/// Names in the script, and what stands for them when something else is called so.
const RENAMED: [(&str, &str); 10] = [
    ("--test emulated", "--test imitated"),
    ("scripts/cuda-toolkit.sh", "scripts/toolkit.sh"),
    ("tests/data/net_*", "tests/data/network_*"),
    ("card full-width", "card full-size"),
    ("\"conv3x3 1x\"", "\"conv5x5 1x\""),
    ("peers/jax_step.py", "peers/jax.py"),
    ("./scalefree gradcheck", "./scalefree gradient"),
    ("--shape dense:4x32x32", "--shape dense:4x32"),
    ("--count \"$batch\"", "--samples \"$batch\""),
    ("d2l.keep=1", "d2l.kept=1"),
];

pub fn trials() -> Vec<Trial> {
    vec![Trial::test("the GPU suite names what there is", names), Trial::test("the GPU suite says how it is called", usage)]
}

fn names() -> Result<(), Failed> {
    let text = std::fs::read_to_string(SCRIPT)?;
    let faults = faults(&text)?;
    if !faults.is_empty() {
        return Err(faults.join("\n").into());
    }
    for (name, other) in RENAMED {
        let renamed = text.replace(name, other);
        if renamed == text || self::faults(&renamed)?.is_empty() {
            return Err(format!("{other:?} in place of {name:?} is not noticed").into());
        }
    }
    Ok(())
}

/// What `text`, a version of the script, names in vain.
fn faults(text: &str) -> Result<Vec<String>, Failed> {
    let text = text.replace("\\\n", " ");
    let (mut faults, mut found) = (Vec::new(), Vec::new());
    let mut cases: Vec<String> = ops::<Cpu<f32>>(Arithmetic::F32, true).into_iter().map(|case| case.name).collect();
    cases.extend(eigen::cases().into_iter().map(|case| case.name));
    let mut must = |kind: &'static str, name: &str, there: bool| {
        found.push(kind);
        if !there {
            faults.push(format!("no {kind} {name}"));
        }
    };
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let words = words(line);
        for (at, word) in words.iter().enumerate() {
            let after = &words[at + 1..];
            let next = after.first().map_or("", String::as_str);
            let plain: Vec<&str> = after.iter().map(String::as_str).take_while(|word| !word.starts_with(['-', '$', '>'])).collect();
            match word.as_str() {
                "./scalefree" => {
                    let output = Command::new(env!("CARGO_BIN_EXE_scalefree")).args(&plain).arg("--help").output()?;
                    let help = said(&output);
                    must("command", &plain.join(" "), output.status.success());
                    for flag in after.iter().filter(|word| word.starts_with("--")) {
                        must("flag", &format!("{flag} of {}", plain.join(" ")), help.contains(flag.as_str()));
                    }
                }
                "./tests" => {
                    // --child card TABLE [WORDS]
                    let table = after.get(2).map_or("", String::as_str);
                    must("table", table, [ALL, OPS, FULL_WIDTH, LARGE].contains(&table));
                    let wanted = after.get(3).map_or("", String::as_str);
                    must("case", wanted, wanted.starts_with('$') || holds(&cases, wanted));
                }
                "for" if next == "words" => {
                    let listed = after.iter().skip(2).map_while(|word| (word != "do").then(|| word.trim_end_matches(';')));
                    listed.for_each(|wanted| must("case", wanted, holds(&cases, wanted)));
                }
                "--test" => must("test", next, ["", "/main"].iter().any(|end| exists(&format!("tests/{next}{end}.rs")))),
                "--shape" => must("shape", next.trim_end_matches(')'), bench::parse(next.trim_end_matches(')')).is_ok()),
                "--set" => {
                    let setting = next.trim_end_matches(')').replace("$network", "d2l").replace("$precision", "f32");
                    let setting = setting.replace("${times[1]}", "3").replace("$batch", "10");
                    must("key", &setting, Config::load(Preset::Paper, None, std::slice::from_ref(&setting)).is_ok());
                }
                "cp" if next.contains('*') => {
                    let (folder, start) = next.rsplit_once('/').unwrap_or((".", next));
                    let any = std::fs::read_dir(Path::new(ROOT).join(folder))?
                        .flatten()
                        .any(|file| file.file_name().to_string_lossy().starts_with(start.trim_end_matches('*')));
                    must("file", next, any);
                }
                "cp" if next == "-r" => must("folder", &after[1], exists(&after[1])),
                path if path.starts_with("peers/") => must("peer", path, exists(&format!("benches/{path}"))),
                path if path.starts_with("scripts/") => must("script", path, exists(path)),
                _ => {}
            }
        }
    }
    // A script that this parser no longer understands names nothing in vain either.
    for kind in ["command", "flag", "table", "case", "test", "shape", "key", "file", "folder", "peer", "script"] {
        if !found.contains(&kind) {
            faults.push(format!("the script names no {kind} at all"));
        }
    }
    Ok(faults)
}

/// Has a case all the words in its name?
fn holds(cases: &[String], words: &str) -> bool {
    cases.iter().any(|name| words.split_whitespace().all(|word| name.contains(word)))
}

fn exists(path: &str) -> bool {
    Path::new(ROOT).join(path).exists()
}

/// The words of a line, quoted ones whole and without their quotes.
fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' | '(' if !quoted => all.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    all.push(word);
    all.retain(|word| !word.is_empty());
    all
}

/// Everything that a program printed.
fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// Bash reads it; what is no action or stage is refused with code 2 and the words that are.
fn usage() -> Result<(), Failed> {
    let script = |arguments: &[&str]| Command::new("bash").args(arguments).output();
    let read = script(&["-n", SCRIPT])?;
    if !read.status.success() {
        return Err(said(&read).into());
    }
    for (arguments, words) in [
        (&[SCRIPT][..], "usage: gpu-suite.sh build | run check|bench|paper"),
        (&[SCRIPT, "biuld"], "usage: gpu-suite.sh build | run check|bench|paper"),
        (&[SCRIPT, "run"], "no stage \"\": check, bench, paper"),
        (&[SCRIPT, "run", "bnech"], "no stage \"bnech\": check, bench, paper"),
    ] {
        let output = script(arguments)?;
        if output.status.code() != Some(2) || !said(&output).contains(words) {
            return Err(format!("{arguments:?}: {:?}, {}", output.status.code(), said(&output)).into());
        }
    }
    Ok(())
}
