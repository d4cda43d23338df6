//! What a kernel's text may not hold: the emulator could not run it, or its bits would not repeat.

use libtest_mimic::Failed;
use std::path::{Path, PathBuf};

/// Words, and why they are not for kernels. All inline PTX and all shared memory goes through `simt.cuh`.
const FORBIDDEN: [(&str, &str); 9] = [
    ("asm", "PTX belongs into simt.cuh"),
    ("__shared__", "use SIMT_SHARED"),
    ("#include <", "toolkit headers are absent where the tests run"),
    ("atomicAdd", "sums of floats must have one order"),
    ("__expf", "no fast mathematics"),
    ("__logf", "no fast mathematics"),
    ("__powf", "no fast mathematics"),
    ("__fdividef", "no fast mathematics"),
    ("curand", "random numbers are Philox's, from philox.cuh"),
];

/// Every kernel and header but those of the dialect itself.
pub fn dialect() -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels");
    let mut faults = Vec::new();
    let files = sources(&folder);
    if files.len() < 5 {
        return Err(format!("only {} kernels in {}", files.len(), folder.display()).into());
    }
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for (word, why) in FORBIDDEN.iter().filter(|(word, _)| holds(code, word)) {
                faults.push(format!("{name}:{}: {word}: {why}", number + 1));
            }
        }
        if name.ends_with(".cu") {
            // What is not exported the emulator does not know, and a test of it would say "missing kernel".
            let count = |word: &str| text.matches(word).count();
            if count("__global__") != count("SIMT_EXPORT(") {
                faults.push(format!("{name}: {} kernels, {} exported", count("__global__"), count("SIMT_EXPORT(")));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// Does `code` hold `word`, not as a part of a longer one?
fn holds(code: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !(word.starts_with(inside) && before.is_some_and(inside) || word.ends_with(inside) && after.is_some_and(inside))
    })
}

/// The files of `kernels/` and `kernels/include/`, without `simt.cuh` and its parts.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [folder.to_path_buf(), folder.join("include")] {
        let entries = std::fs::read_dir(&folder).expect("the kernels' folder").flatten().map(|entry| entry.path());
        files.extend(entries.filter(|path| path.is_file() && !path.ends_with("simt.cuh")));
    }
    files
}
