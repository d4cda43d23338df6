#!/usr/bin/env bash
# The checks, benchmarks and the paper on a GPU machine that has no Rust and no network (docs/gpu.md).
#   scripts/gpu-suite.sh build      here: target/gpu-suite.tar.gz, to be copied there
#   ./gpu-suite.sh run STAGE        there, in the unpacked folder: check, bench or paper
# A stage ends in under 9 minutes. What it finished it does not do again, so calling it again goes on. Exit code: 0 all well, 1 a step
# failed or is not finished; results/steps.jsonl has a line a step, results/NAME.log what it printed.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)

build() {
  set -e
  cd "$here/.."
  scripts/cuda-toolkit.sh
  local target=${CARGO_TARGET_DIR:-target}
  cargo build --release
  local tests
  tests=$(cargo test --release --no-run --test emulated 2>&1 | tee /dev/stderr | sed -n 's/.*Executable .*(\(.*\))$/\1/p')
  local bundle=$target/gpu-suite
  rm -rf "$bundle"
  mkdir -p "$bundle/fixtures"
  cp "$target/release/scalefree" "$bundle/scalefree"
  cp "$tests" "$bundle/tests"
  strip "$bundle/scalefree" "$bundle/tests"
  # The reference networks, which the table of cases reads.
  cp tests/data/net_* "$bundle/fixtures"
  cp -r benches/peers "$bundle/peers"
  cp scripts/gpu-suite.sh "$bundle/gpu-suite.sh"
  tar -C "$target" -czf "$target/gpu-suite.tar.gz" gpu-suite
  local bytes
  bytes=$(stat -c %s "$target/gpu-suite.tar.gz")
  echo "$target/gpu-suite.tar.gz: $bytes bytes"
  [ "$bytes" -le 40000000 ] || { echo "gpu-suite: more than 40 MB" >&2; exit 1; }
}

# step NAME SECONDS COMMAND...: within the time that is left of the stage; its output goes to results/NAME.log.
step() {
  local name=$1 limit=$2 left=$((deadline - SECONDS)) start=$SECONDS code=0
  shift 2
  [ ! -e "results/$name.done" ] || return 0
  if [ "$left" -lt 5 ]; then
    echo "$name: no time left, call the stage again"
    failed=1
    return
  fi
  timeout --kill-after=10 --signal=INT $((limit < left ? limit : left)) "$@" > "results/$name.log" 2>&1 || code=$?
  echo "{\"step\": \"$name\", \"exit\": $code, \"seconds\": $((SECONDS - start))}" | tee -a results/steps.jsonl
  if [ "$code" = 0 ]; then touch "results/$name.done"; else failed=1; fi
}

check() {
  step device 20 ./scalefree device
  step cases 150 ./tests --child card all
  step full-width 90 ./tests --child card full-width
  step gradcheck 60 ./scalefree gradcheck
  local sanitizer
  sanitizer=$(PATH=$PATH:/usr/local/cuda/bin command -v compute-sanitizer) || { echo "no compute-sanitizer: not checked with it"; failed=1; return; }
  local tool words
  for tool in memcheck racecheck initcheck synccheck; do
    # A few cases of every kernel family: a kernel runs tens of times slower under these tools.
    for words in "${sanitized[@]}"; do
      step "$tool-${words//[^a-z0-9]/-}" 25 "$sanitizer" --tool "$tool" --error-exitcode 1 ./tests --child card ops "$words"
    done
  done
}

bench() {
  local data=results/set.npz start=results/start.safetensors batch precision form
  step ours 240 ./scalefree bench run --json-file results/ours.json
  step data 30 ./scalefree generate --count 2560 --seed 1 --out "$data"
  step start 20 python3 peers/problem.py "$start"
  for batch in 10 64 256; do
    for precision in f32 tf32; do
      local problem=("$data" "$start" --batch "$batch" --precision "$precision")
      step "jax-$batch-$precision" 60 python3 peers/jax_step.py "${problem[@]}"
      for form in graph eager compile; do
        step "torch-$form-$batch-$precision" 60 python3 peers/torch_step.py "$form" "${problem[@]}"
      done
    done
  done
  grep -h '^{"peer"' results/jax-*.log results/torch-*.log > results/peers.jsonl || true
}

paper() {
  # An interrupt ends it at the next step, with what it has saved.
  step paper 510 ./scalefree reproduce --preset paper --out results/paper
}

run() {
  cd "$here"
  mkdir -p results
  export SCALEFREE_FIXTURES=$here/fixtures
  failed=0 deadline=$((SECONDS + 520))
  sanitized=("gather" "mape" "adam" "mode areas" "deformation" "hamiltonian" "conv3x3 1x" "dense 1x")
  case $1 in
    check | bench | paper) "$1" ;;
    *) echo "gpu-suite: no stage \"$1\": check, bench, paper" >&2; exit 2 ;;
  esac
  # What goes home: no weights, no data sets.
  tar -czf results.tar.gz --exclude='*.safetensors' --exclude='*.npz' --exclude='data' --exclude='checkpoints' results
  exit "$failed"
}

case ${1:-} in
  build) build ;;
  run) run "${2:-}" ;;
  *) echo "gpu-suite.sh build | run check|bench|paper" >&2; exit 2 ;;
esac
