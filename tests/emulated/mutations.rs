//! The tests of the tests: bugs planted in a copy of the kernels, one at a time, each of which the table of cases must find, in the
//! plain or in the checking build of the emulator. The kernels themselves stay clean, and the score is a number.

use super::variant::{FEW, child, emulate};
use libtest_mimic::{Failed, Trial};
use rayon::prelude::*;
use simt::{Build, Profile};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A bug: in `file` the text that stands there once is replaced. The cases whose names hold all of `words` are run.
#[derive(Clone, Copy)]
struct Mutation {
    bug: &'static str,
    file: &'static str,
    text: &'static str,
    replacement: &'static str,
    build: Build,
    words: &'static str,
}

const fn plain(bug: &'static str, file: &'static str, [text, replacement]: [&'static str; 2], words: &'static str) -> Mutation {
    Mutation { bug, file, text, replacement, build: Build::Plain, words }
}

/// A bug whose result may be right by luck: the checker must see it.
const fn checked(bug: &'static str, file: &'static str, [text, replacement]: [&'static str; 2], words: &'static str) -> Mutation {
    Mutation { build: Build::Checking, ..plain(bug, file, [text, replacement], words) }
}

const GEMM: &str = "include/gemm.cuh";
const TILE: &str = "include/tile.cuh";
const WINDOWS: &str = "include/windows.cuh";
const EPILOGUE: &str = "include/epilogue.cuh";
const PRECISION: &str = "include/precision.cuh";
const ONE_PASS: &str = "dense_dx_dw.cu";
const ADAM: &str = "include/adam.cuh";
const REDUCE: &str = "eigh_reduce.cu";
const CONQUER: &str = "eigh_tridiagonal.cu";

/// What a device says of a kernel that it does not find (`CudaFault::MissingKernel`).
const MISSING: &str = "with the parameters that this program passes";

/// Barriers and copies, indices, masks, conventions, arithmetic.
const MUTATIONS: &[Mutation] = &[
    checked(
        "no barrier before a stage is read",
        GEMM,
        ["<STAGES - 2>();\n            __syncthreads();", "<STAGES - 2>();"],
        "dense 10x130 Tf32",
    ),
    checked(
        "no barrier before the tile of C replaces the stages",
        GEMM,
        ["        __syncthreads();\n        sums.store(c, band);", "        sums.store(c, band);"],
        "dense 10x130 Tf32",
    ),
    checked(
        "no barrier between C's store and the epilogue",
        GEMM,
        ["sums.store(c, band);\n        __syncthreads();", "sums.store(c, band);"],
        "dense 10x130 Tf32",
    ),
    plain("waits for one copy too few", GEMM, ["cp_async_wait<STAGES - 2>();", "cp_async_wait<STAGES - 1>();"], "dense 10x130 Tf32"),
    plain(
        "no commit for a copy past the end",
        GEMM,
        ["            cp_async_commit();\n        };", "            if (step < count) cp_async_commit();\n        };"],
        "dense 10x130 Tf32",
    ),
    checked(
        "fills the stage that is being read",
        GEMM,
        ["copy(step + STAGES - 1, free);", "copy(step + STAGES - 1, read);"],
        "dense 10x130 Tf32",
    ),
    plain("the last share of k is left out", GEMM, ["z < cut.shares; ++z", "z + 1 < cut.shares; ++z"], "dense 10x2052 Tf32"),
    plain("a product's second part is its first again", GEMM, ["P::mma(part, ", "P::mma(0, "], "dense 10x130 Tf32"),
    plain("both bands of a large tile go to one place", GEMM, ["* S::BANDS + band)", "* S::BANDS)"], "conv3x3 2x8x8x64 Tf32"),
    plain(
        "the second band of a large tile is its first again",
        GEMM,
        ["S::warp_row() / S::BAND != band", "S::warp_row() / S::BAND != 0"],
        "dense 386x516 Tf32",
    ),
    plain("the second band of a large tile counts from its top", GEMM, ["m0 + band * S::BAND", "m0"], "dense 386x516 Tf32"),
    plain(
        "the window's step is a channel long",
        WINDOWS,
        ["(first[load] + step.offset);", "(first[load] + step.tap);"],
        "conv3x3 2x8x8x132 Tf32",
    ),
    plain(
        "a tall tile is finished as a square one",
        GEMM,
        ["(tile % cut.tiles_m * gridDim.x + blockIdx.x) * Part::BM", "(tile % cut.tiles_m * 8 + blockIdx.x) * Part::BM"],
        "conv3x3 3x10x6x37 Tf32",
    ),
    plain("all shares go to one place", GEMM, ["(u64)task.share_block * S::BANDS", "(u64)0 * S::BANDS"], "dense 10x2052 Tf32"),
    checked(
        "no barrier between the sum of shares and the epilogue",
        GEMM,
        ["% Part::BN) = sum;\n    __syncthreads();", "% Part::BN) = sum;"],
        "dense 10x2052 Tf32",
    ),
    plain("k is not masked at the end of a row", TILE, ["row < rows && k < columns ?", "row < rows ?"], "dense 4x11 Tf32"),
    plain("an address off 16 bytes counts as aligned", TILE, ["return (u64)address % 16 == 0;", "return true;"], "dense Tf32"),
    plain("the 4-byte path takes the 16-byte path's address", TILE, ["(Tile::ALONG_K ? e : 0)", "0"], "dense 4x11 Tf32"),
    plain("the window reaches round the image's side", WINDOWS, ["(j + 1 == width ? 0333 : 0777)", "0777"], "conv3x3 3x5x7 Tf32"),
    checked(
        "rows past the last pixel are not masked",
        WINDOWS,
        ["m < pixels ? rows & columns : 0", "rows & columns"],
        "conv3x3 2x9x4x20 Tf32",
    ),
    plain("the input's gradient takes weights unmirrored", WINDOWS, ["f * 9 + 8 - tap", "f * 9 + tap"], "conv3x3 3x5x7 Tf32"),
    plain(
        "a quad's columns are exchanged",
        WINDOWS,
        ["j = q % half * 2 + m % 2;", "j = q % half * 2 + (m + 1) % 2;"],
        "conv3x3 2x6x10 Tf32",
    ),
    plain(
        "the weight's gradient takes height for width",
        WINDOWS,
        ["line - by_height.divide(line) * height;", "line - by_height.divide(line) * width;"],
        "conv3x3 3x5x7 Tf32",
    ),
    plain(
        "a tie in a pool goes to the last place",
        EPILOGUE,
        ["if (z[k * S::C_STRIDE] > best)", "if (z[k * S::C_STRIDE] >= best)"],
        "conv3x3 2x6x10 Tf32",
    ),
    plain(
        "no mask on the columns of an output",
        EPILOGUE,
        [
            "            if (m0 + m < rows && n0 + n < columns) {\n                out[",
            "            if (m0 + m < rows) {\n                out[",
        ],
        "dense 4x11 Tf32",
    ),
    plain("no mask on the filters", EPILOGUE, ["if (m0 + m >= rows || n0 + n >= filters)", "if (m0 + m >= rows)"], "conv3x3 3x5x7 Tf32"),
    plain("dropout draws a block for two units", EPILOGUE, ["(unsigned)(at / 4)", "(unsigned)(at / 2)"], "dense 10x130 Tf32"),
    plain("dropout does not scale what stays", EPILOGUE, ["value * scale", "value"], "dense 10x130 Tf32"),
    plain("a penalty counts a thread's last elements only", EPILOGUE, ["square += sink.apply4(", "square = sink.apply4("], "update Tf32"),
    plain(
        "neighbours of a TF32 fragment of B exchanged",
        PRECISION,
        ["{round(column.x), round(column.y)}", "{round(column.y), round(column.x)}"],
        "dense 10x130 Tf32",
    ),
    plain(
        "a BF16 fragment takes its low rows twice",
        PRECISION,
        ["pack_bf16(low.x, low.y), pack_bf16(high.x, high.y)", "pack_bf16(low.x, low.y), pack_bf16(low.x, low.y)"],
        "dense 17x36 Bf16",
    ),
    plain(
        "a chunk is read where it was not swizzled to",
        PRECISION,
        ["tile + Tile::at(row + g, k));", "tile + (row + g) * BK + k);"],
        "dense 10x130 Tf32",
    ),
    plain(
        "FP16's scale is not undone",
        GEMM,
        ["constexpr float UNDO = 1.0f / P::A_SCALE;", "constexpr float UNDO = 1.0f;"],
        "dense 10x130 F16",
    ),
    checked(
        "no barrier before dz is replaced",
        ONE_PASS,
        ["        __syncthreads();\n        for (unsigned e = threadIdx.x; e < PIECE", "        for (unsigned e = threadIdx.x; e < PIECE"],
        "dense 7x2052 Tf32",
    ),
    checked(
        "no barrier before dz is read",
        ONE_PASS,
        ["        __syncthreads();\n        for (unsigned row = run", "        for (unsigned row = run"],
        "dense 10x130 Tf32",
    ),
    checked("no barrier between the warps' turns", ONE_PASS, ["++turn) {\n        __syncthreads();", "++turn) {"], "dense 10x130 Tf32"),
    plain("the last warp's sums replace the others'", ONE_PASS, ["if (turn > 0) {", "if (turn > WARPS) {"], "dense 10x130 Tf32"),
    plain("a warp goes on into the next one's rows", ONE_PASS, ["min(run * (warp + 1), rows)", "rows"], "dense 10x130 Tf32"),
    plain("a row takes its neighbour's gradient", ONE_PASS, ["take(sink, g[j])", "take(sink, g[0])"], "dense 10x64 Tf32"),
    plain("the end of a short row is not masked", ONE_PASS, ["e < count ? sink.take", "count > 0 ? sink.take"], "dense 4x11 Tf32"),
    plain("two blocks leave one sum of squares", EPILOGUE, ["squares[slot] = sum;", "squares[slot / 2] = sum;"], "dense 10x130 Tf32"),
    plain(
        "a share begins where the one before it does",
        GEMM,
        ["share_block / cut.split * cut.length", "share_block / cut.split / 2 * cut.length"],
        "dense 10x2052 Tf32",
    ),
    plain(
        "the last wave's tiles are added as the first ones",
        GEMM,
        ["tile = cut.whole + blockIdx.y;", "tile = blockIdx.y;"],
        "dense 386x516 Tf32",
    ),
    plain(
        "the last wave's sums of squares replace the first ones'",
        GEMM,
        ["n0), cut.whole + slice);", "n0), slice);"],
        "conv3x3 8x8x8x16 Tf32",
    ),
    plain("accumulate stores", ADAM, ["destination[at] += g;", "destination[at] = g;"], "dense 4x11 Tf32"),
    plain("Adam leaves out the L2 term", ADAM, ["g = g + update.l2_scale * p;", ""], "adam"),
    plain("Adam takes the size of g for its square", ADAM, ["update.rest2 * g * g", "update.rest2 * fabsf(g)"], "adam"),
    plain("the cosine rises again", "adam.cu", ["fmin(t, 1.0)", "t"], "adam rates Cosine"),
    plain("the average takes the old share", "average.cu", ["1.0 - fmin(decay,", "fmin(decay,"], "average"),
    plain("the average leaves out the last numbers", "average.cu", ["at < count && at < first + 4", "at + 4 < count"], "average of"),
    plain("Adam's decay is a step ahead", "adam.cu", ["(s - 1.0) / config.decay_steps", "s / config.decay_steps"], "adam rates"),
    plain(
        "the gradient passes where the output is 0",
        "conv3x3_undo.cu",
        ["fired[k] > 0.0f ?", "fired[k] >= 0.0f ?"],
        "conv3x3 3x5x7 Tf32",
    ),
    plain(
        "the pool's gradient goes to the mirrored place",
        "conv3x3_undo.cu",
        ["place[filter] == k ?", "place[filter] == 3 - k ?"],
        "conv3x3 2x6x10 Tf32",
    ),
    checked(
        "no barrier before column sums are added",
        "include/bias.cuh",
        ["= sums[k];\n        }\n        __syncthreads();", "= sums[k];\n        }"],
        "dense 10x130 Tf32",
    ),
    plain("dropout's gradient is not scaled", "dense_undo.cu", ["dy[at] * scale", "dy[at]"], "dense 10x130 Tf32"),
    checked(
        "two sums of a block share their scratch",
        "include/sum.cuh",
        ["const double sum = scratch[0];\n    __syncthreads();", "const double sum = scratch[0];"],
        "cost",
    ),
    plain("gather starts an epoch a step late", "gather.cu", ["(step[0] - 1) % config.steps", "step[0] % config.steps"], "gather"),
    plain("the cost has a slope on its target", "mape.cu", ["dy[at] = value > wanted ?", "dy[at] = value >= wanted ?"], "mape"),
    plain("a warp's sum starts at half a warp", "mode_area.cu", ["int distance = 16;", "int distance = 8;"], "mode"),
    plain("equal mode areas in the wrong order", "mode_area.cu", ["first + k < mine)", "first + k > mine)"], "mode"),
    checked(
        "no barrier before others' areas are replaced",
        "mode_area.cu",
        ["first += AREA_THREADS) {\n        __syncthreads();", "first += AREA_THREADS) {"],
        "mode 289",
    ),
    checked("no barrier before the mirrored tile", "hamiltonian.cu", ["    __syncthreads();\n", ""], "hamiltonian"),
    plain(
        "a torus of the wrong period",
        "hamiltonian.cu",
        ["const double period = (double)config.size;", "const double period = (double)config.size + 1;"],
        "hamiltonian",
    ),
    plain(
        "only one block's numbers become f32",
        "convert.cu",
        [
            "const double* __restrict__ source, u64 count) {\n    const u64 at = (u64)blockIdx.x * blockDim.x + threadIdx.x;",
            "const double* __restrict__ source, u64 count) {\n    const u64 at = threadIdx.x;",
        ],
        "labels f32",
    ),
    checked(
        "what becomes f64 is not masked",
        "convert.cu",
        ["if (at < count) {\n        out[at] = (double)", "if (true) {\n        out[at] = (double)"],
        "labels f32",
    ),
    checked(
        "no barrier before the parts of a product are added",
        REDUCE,
        ["        __syncthreads();\n\n        if (32 * warp < padded) {", "        if (32 * warp < padded) {"],
        "eigen 64 f32",
    ),
    plain("the change takes p'v whole", REDUCE, ["along *= R(-0.5) * scale;", "along *= R(-1) * scale;"], "eigen 17 f32"),
    plain(
        "a mirrored tile adds its columns in another order",
        REDUCE,
        ["SIDE * tile_row + 4 * t + g / 2]", "SIDE * tile_row + 4 * t + g / 2 % 2 * 2 + g / 4]"],
        "eigen 17 f64",
    ),
    plain("a matrix is not scaled", REDUCE, ["exponent = (int)(largest >> 52) - 1022;", "exponent = 0;"], "eigen 16 f32"),
    plain("the rows below a tile are not masked", REDUCE, ["return i < n && j < n ?", "return j < n ?"], "eigen 17 f32"),
    checked(
        "no barrier between the roots and z^",
        CONQUER,
        ["    __syncthreads();\n\n        // d_i - x_j for", "        // d_i - x_j for"],
        "eigen 64 f32",
    ),
    plain("z for Gu's and Eisenstat's z^", CONQUER, ["forces[self] = force;", ""], "eigen 17 f64"),
    plain("values that are all but equal are joined", CONQUER, ["<= nothing * square)", "< R(0))"], "eigen 64 f32"),
    plain("the link's sign is lost", CONQUER, ["if (!upper && links[cut - 1] < R(0)) {", "if (false) {"], "eigen 17 f32"),
    plain("a rotated column counts for one half", CONQUER, ["kinds[column] = BOTH;", "kinds[column] = UPPER;"], "eigen 64 f64"),
    plain("a root's distance is from the wrong pole", CONQUER, ["nearer = index + 1;", "nearer = index;"], "eigen 64 f32"),
    plain("what was solved before shows in a new matrix", CONQUER, ["from[(u64)column * n + row] = R(0);", ""], "eigen f64"),
    plain(
        "half a warp's rows miss a reflection",
        "eigh_back.cu",
        [
            "if (32 * q + 31 > k && 32 * q < n) {\n#pragma unroll\n                for (unsigned c = 0; c < COLUMNS; ++c) {\n                    psi",
            "if (32 * q + 15 > k && 32 * q < n) {\n#pragma unroll\n                for (unsigned c = 0; c < COLUMNS; ++c) {\n                    psi",
        ],
        "eigen 64 f32",
    ),
    plain("sums go to the wrong columns", "eigh_back.cu", ["kept[0], (int)(c * (32 / COUNT))", "kept[0], (int)c"], "eigen 16 f32"),
    plain("a copy's last thread copies nothing", "roof.cu", ["if (at < count) {", "if (at + 1 < count) {"], "roof copy"),
    plain("a fragment's last number is left out", "roof.cu", ["d[chain][2] + d[chain][3]", "d[chain][2]"], "roof products"),
    plain("nine rounds of Philox", "include/philox.cuh", ["round < 10", "round < 9"], "deformation"),
    plain("the cosine's sign in the second quarter", "deformation.cu", ["sine = c; cosine = -s;", "sine = c; cosine = s;"], "deformation"),
];

pub fn trial() -> Trial {
    Trial::test("mutations", run).with_ignored_flag(!simt::is_built())
}

/// Prints a table of the bugs and what found them; all must be found, and each copy must pass unchanged.
fn run() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut seen = BTreeSet::new();
    let copies = MUTATIONS.iter().filter(|mutation| seen.insert((mutation.build, launched(mutation.words)))).collect::<Vec<_>>();
    copies.par_iter().enumerate().try_for_each(|(index, mutation)| {
        let clean = Mutation { bug: "none", text: "", replacement: "", ..**mutation };
        match killer(&clean, &folder.path().join(format!("clean{index}")))? {
            None => Ok(()),
            Some(found) => Err(format!("the unchanged kernels fail ({}): {found}", clean.words)),
        }
    })?;
    let results: Vec<Result<Option<String>, String>> =
        MUTATIONS.par_iter().enumerate().map(|(index, mutation)| killer(mutation, &folder.path().join(index.to_string()))).collect();
    let mut faults = Vec::new();
    println!("| bug | file | build | found by |\n|---|---|---|---|");
    for (mutation, result) in MUTATIONS.iter().zip(results) {
        let found = match result {
            Ok(Some(found)) => found,
            Ok(None) => {
                faults.push(format!("survived: {} ({})", mutation.bug, mutation.file));
                "nothing".into()
            }
            Err(fault) => {
                faults.push(format!("{} ({}): {fault}", mutation.bug, mutation.file));
                "not run".into()
            }
        };
        println!("| {} | `{}` | {:?} | {found} |", mutation.bug, mutation.file, mutation.build);
    }
    println!("{} of {} planted bugs found", MUTATIONS.len() - faults.len(), MUTATIONS.len());
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
}

/// Compiles the copy with the bug and runs its cases: what found it.
fn killer(mutation: &Mutation, folder: &Path) -> Result<Option<String>, String> {
    let words = |e: std::io::Error| e.to_string();
    let (kernels, libraries) = (folder.join("kernels"), folder.join("libraries"));
    for part in ["", "include"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels").join(part);
        std::fs::create_dir_all(kernels.join(part)).map_err(words)?;
        let files = std::fs::read_dir(from).map_err(words)?.flatten().map(|entry| entry.path());
        for file in files.filter(|path| path.is_file()) {
            let Some(text) = without_others(&file, &std::fs::read_to_string(&file).map_err(words)?, mutation.words) else { continue };
            std::fs::write(kernels.join(part).join(file.file_name().unwrap_or_default()), text).map_err(words)?;
        }
    }
    if !mutation.text.is_empty() {
        let path = kernels.join(mutation.file);
        let text = std::fs::read_to_string(&path).map_err(words)?;
        let places = text.matches(mutation.text).count();
        if places != 1 {
            return Err(format!("the text {:?} stands there {places} times; the mutation must follow the kernel", mutation.text));
        }
        std::fs::write(&path, text.replace(mutation.text, mutation.replacement)).map_err(words)?;
    }
    simt::compile(&kernels, Profile::Sm89, mutation.build, &libraries)?;
    run_cases(mutation.words, &libraries).map_err(words)
}

/// The op, if it is a product, and the precision of the cases of these words.
fn launched(words: &str) -> (Option<&str>, Option<&str>) {
    let mut all = words.split(' ');
    (all.clone().next().filter(|op| ["dense", "conv3x3"].contains(op)), all.find(|word| ["Tf32", "Bf16", "F16"].contains(word)))
}

/// The kernels `text` in `file`, without those that the cases of these words do not launch: products of the other op and in other
/// precisions, which take the longest to compile. `None` where nothing is left.
fn without_others(file: &Path, text: &str, words: &str) -> Option<String> {
    let product = ["dense.cu", "dense_dx_dw.cu", "conv3x3.cu"].into_iter().find(|name| file.ends_with(name));
    let Some(product) = product else { return Some(text.into()) };
    let (op, precision) = launched(words);
    let precision = precision?.to_lowercase();
    if op.is_some_and(|op| !product.starts_with(op)) {
        return None;
    }
    // NAME(kernel_precision, ...)
    let of = |line: &str| Some(line.split_once('(')?.1.split_once(", ")?.0.rsplit_once('_')?.1.to_string());
    let other = |line: &str| of(line).is_some_and(|of| ["f32", "tf32", "bf16", "f16"].contains(&&*of) && of != precision);
    Some(text.lines().filter(|line| !other(line)).flat_map(|line| [line, "\n"]).collect())
}

/// The first case that fails, or the fault that the emulator names; a mutant that never ends is found too.
fn run_cases(cases: &str, libraries: &Path) -> std::io::Result<Option<String>> {
    const LIMIT: Duration = Duration::from_secs(90);
    let mut command = child(["emulated", "mutant", cases]);
    command.env("SIMT_PROCESSORS", FEW);
    let mut running = emulate(&mut command, libraries).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let start = Instant::now();
    let status = loop {
        match running.try_wait()? {
            Some(status) => break status,
            None if start.elapsed() > LIMIT => {
                running.kill()?;
                running.wait()?;
                return Ok(Some("time".into()));
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let mut said = String::new();
    running.stdout.take().expect("a pipe").read_to_string(&mut said)?;
    if status.success() {
        return if said.contains("ok ") { Ok(None) } else { Err(std::io::Error::other(format!("no case has the words {cases:?}"))) };
    }
    if said.contains(MISSING) {
        return Err(std::io::Error::other(format!("the cases {cases:?} launch a kernel that was left out: {said}")));
    }
    let failed = said.lines().find_map(|line| line.strip_prefix("FAILED"));
    let case = failed.map_or("a crash", |line| line.split_once(" -- ").map_or(line, |(case, _)| case).trim());
    Ok(Some(case.into()))
}
