#!/usr/bin/env bash
# Builds and runs examples/cust_interop.rs on the emulated driver (docs/cust.md).
set -euo pipefail
cd "$(dirname "$0")/.."
# Cargo tells where the emulator's build script leaves its drivers.
built=$(cargo build --release --package simt --message-format json)
built=$(sed -n 's/.*"build-script-executed".*simt.*"out_dir":"\([^"]*\)".*/\1/p' <<< "$built")
driver=$built/sm_89-plain
[ -f "$driver/libcuda.so" ] || {
  echo "cust: no emulated driver: it needs a C++ compiler on x86-64 Linux" >&2
  exit 1
}
# The folder that cust looks for: one that holds lib64/libcuda.so.
toolkit=${CARGO_TARGET_DIR:-target}/cust
mkdir -p "$toolkit/lib64"
ln -sfn "$driver/libcuda.so" "$toolkit/lib64/libcuda.so"
export CUDA_LIBRARY_PATH=$(realpath "$toolkit") LD_LIBRARY_PATH=$driver
# The emulator has its kernels inside; any file passes for them.
export SCALEFREE_KERNELS=$PWD/Cargo.toml
cargo run --release --example cust_interop --features cust-interop -- "$SCALEFREE_KERNELS"
