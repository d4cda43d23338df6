//! Compiles the kernels and the emulated driver into one library a profile and build.

#[path = "src/compile.rs"]
mod compile;

use std::path::Path;

use compile::{Build, Profile};

fn main() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kernels = manifest.join("../kernels");
    let output = std::path::PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rerun-if-env-changed=CXX");
    for folder in ["runtime", "solver", "include", "src/compile.rs", "../kernels"] {
        println!("cargo:rerun-if-changed={}", manifest.join(folder).display());
    }
    let compiler = match compile::Compiler::find(manifest, &output) {
        Ok(compiler) => compiler,
        Err(why) => {
            // Nothing but tests needs the emulator, so its absence is no reason to stop a build.
            println!("cargo:warning=no emulated CUDA driver, tests of the kernels will not run: {why}");
            return;
        }
    };
    let wanted: Vec<_> = Profile::ALL
        .into_iter()
        .flat_map(|profile| Build::ALL.map(|build| (profile, build, output.join(compile::folder_name(profile, build)))))
        .collect();
    if let Err(why) = compiler.compile(&kernels, &wanted) {
        eprintln!("{why}");
        std::process::exit(1);
    }
}
