#!/usr/bin/env bash
# The checks, benchmarks and the paper on a GPU machine that has no Rust and no network (docs/gpu.md).
#   scripts/gpu-suite.sh build      here: target/gpu-suite.tar.gz, to be copied there
#   ./gpu-suite.sh run STAGE        there, in the unpacked folder: check, bench or paper
# A stage ends in under 9 minutes. What it finished it does not do again, so calling it again goes on. Exit code: 0 all well, 1 a step
# failed or is not finished, 2 bad usage; results/steps.jsonl has a line a step, results/NAME.log what it printed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

die() {
  echo "gpu-suite: $1" >&2
  exit "${2:-1}"
}

build() {
  cd "$here/.."
  scripts/cuda-toolkit.sh
  local target=${CARGO_TARGET_DIR:-target} tests
  cargo build --release
  tests=$(cargo test --release --no-run --test emulated 2>&1 | tee >(cat >&2) | sed -n 's/.*Executable .*(\(.*\))$/\1/p')
  [ -f "$tests" ] || die "cargo named no test program"
  pack "$target" "$target/release/scalefree" "$tests"
}

# pack TARGET PROGRAM TESTS
pack() {
  local bundle=$1/gpu-suite bytes
  rm -rf "$bundle"
  mkdir -p "$bundle/fixtures"
  cp "$2" "$bundle/scalefree"
  cp "$3" "$bundle/tests"
  strip "$bundle/scalefree" "$bundle/tests"
  # The reference networks, which the table of cases reads.
  cp tests/data/net_* "$bundle/fixtures"
  cp -r benches/peers "$bundle/peers"
  cp scripts/gpu-suite.sh "$bundle/gpu-suite.sh"
  tar -C "$1" -czf "$1/gpu-suite.tar.gz" gpu-suite
  bytes=$(stat -c %s "$1/gpu-suite.tar.gz")
  echo "$1/gpu-suite.tar.gz: $bytes bytes"
  [ "$bytes" -le 40000000 ] || die "more than 40 MB"
}

# skip NAME WHY: what cannot be done on this machine, or not in a rehearsal.
skip() {
  [ ! -e "results/$1.done" ] || return 0
  echo "{\"step\": \"$1\", \"skipped\": \"$2\"}" | tee -a results/steps.jsonl
  [ -n "$rehearsal" ] || failed=1
}

# step NAME SECONDS COMMAND...: within the time that is left of the stage; its output goes to results/NAME.log.
step() {
  local name=$1 limit=$2 left=$((deadline - SECONDS)) start=$SECONDS code=0
  shift 2
  [ ! -e "results/$name.done" ] || return 0
  if [ "$left" -lt 5 ]; then
    echo "$name: no time left, call the stage again"
    failed=1
    return 0
  fi
  timeout --kill-after=10 --signal=INT $((limit < left ? limit : left)) "$@" > "results/$name.log" 2> "results/$name.err" || code=$?
  echo "{\"step\": \"$name\", \"exit\": $code, \"seconds\": $((SECONDS - start))}" | tee -a results/steps.jsonl
  case $code in
    0) touch "results/$name.done" ;;
    # Out of time: its own, or what was left of the stage's.
    124 | 137) if [ "$left" -lt "$limit" ]; then failed=1; else failed=${late:-1}; fi ;;
    *) failed=1 ;;
  esac
}

# peer NAME SECONDS COMMAND...: a step of others' code. One that runs out of its time is no fault of ours: bench.json names it as late.
peer() {
  # What `failed` is then.
  local late=$failed
  step "$@"
}

check() {
  step device 20 ./scalefree device --json --device cuda
  step gradcheck 60 ./scalefree gradcheck --json
  if [ -n "$rehearsal" ]; then
    step cases 150 ./tests --child card ops adam
    skip full-width "rehearsal"
    skip large "rehearsal"
  else
    step cases 150 ./tests --child card all
    step full-width 90 ./tests --child card full-width
    step large 90 ./tests --child card large
  fi
  local sanitizer tool words
  sanitizer=$(PATH=$PATH:/usr/local/cuda/bin command -v compute-sanitizer) || sanitizer=
  for tool in memcheck racecheck initcheck synccheck; do
    if [ -z "$sanitizer" ]; then
      skip "$tool" "no compute-sanitizer on PATH or in /usr/local/cuda/bin"
      continue
    fi
    # A few cases of every kernel, each tile, shares and one pass over the weights among them: a kernel runs tens of times slower under these tools.
    for words in gather mape adam average "mode areas" deformation hamiltonian "conv3x3 1x" "conv3x3 2x12" "dense 1x" "dense 10x130" "dense 130x70" "eigen: 16"; do
      step "$tool-${words//[^a-z0-9]/-}" 25 "$sanitizer" --tool "$tool" --report-api-errors no --error-exitcode 1 ./tests --child card ops "$words"
    done
  done
}

# Whether the Python here can import all of these modules.
has() {
  python3 -c 'import importlib.util as i, sys; sys.exit(any(i.find_spec(name) is None for name in sys.argv[1:]))' "$@"
}

bench() {
  command -v python3 > /dev/null || die "no python3, which the peers need"
  has numpy safetensors || die "python3 has no numpy or no safetensors, which the peers need"
  local start=results/start.safetensors batches="10 64 256" precisions="tf32 f32 bf16" times=(--steps 20 --runs 5) ours=() device=cuda
  if [ -n "$rehearsal" ]; then
    # The full-width step takes minutes on the emulated driver: our curve is the processor's then.
    batches=10 precisions=f32 times=(--steps 3 --runs 1) ours=(--shape dense:4x32x32) device=cpu
  fi
  step ours 180 ./scalefree bench run --device cuda --out results/ours.json "${ours[@]}"
  step start 20 python3 peers/problem.py "$start"
  local batch precision form name
  for precision in $precisions; do
    # What rehearsals take from the processor is no step of a card.
    [ -n "$rehearsal" ] || step "ours-$precision" 40 ./scalefree bench run --device cuda --shape d2l:10 --shape d2l:64 --shape d2l:256 \
      --set "precision=$precision" --out "results/ours-$precision.json"
  done
  for batch in $batches; do
    # One batch of data, so that an epoch of our training is a step, and its cost that of the step.
    step "data-$batch" 30 ./scalefree generate --count "$batch" --seed 1 --device cpu --out "results/set-$batch.npz"
  done
  # Unquoted lists: an argument a batch size, one a precision.
  local problem=("results/set-{batch}.npz" "$start" --batch $batches --precision $precisions "${times[@]}")
  if has jax; then
    peer jax 150 python3 peers/jax_step.py "${problem[@]}"
  else
    skip jax "python3 has no jax"
  fi
  for form in graph compile eager; do
    if ! has torch; then
      skip "torch-$form" "python3 has no torch"
    elif [ "$form" = graph ] && [ -n "$rehearsal" ]; then
      skip "torch-$form" "rehearsal: CUDA graphs need a card"
    else
      peer "torch-$form" 120 python3 peers/torch_step.py "$form" "${problem[@]}"
    fi
  done
  if [ -n "$rehearsal" ]; then
    skip cusolver "rehearsal: CUDA's own runtime needs a card"
  else
    step cusolver 60 python3 peers/cusolver.py
  fi
  # Our curves last: the peers' times are worth more.
  for batch in $batches; do
    for precision in $precisions; do
      name=$batch-$precision
      # An unfinished run would be refused as another's.
      [ -e "results/curve-$name.done" ] || rm -rf "results/curve-$name"
      step "curve-$name" 60 ./scalefree train d2l --data "results/set-$batch.npz" --init "$start" --out "results/curve-$name" --device "$device" \
        --set "precision=$precision" --set "d2l.batch=$batch" --set "d2l.epochs=${times[1]}" --set d2l.keep=1 --set d2l.shuffle=false \
        --set d2l.lr=1e-4 --set d2l.decay_rate=0.1 --set d2l.decay_steps=10000 --set d2l.l2_scope=none --set d2l.patience=0 \
        --set d2l.input_scaling=none --set d2l.cost=mean
    done
  done
  # Always anew: peers may have been added since.
  rm -f results/agreement.done
  step agreement 20 python3 peers/agreement.py results
}

paper() {
  local settings=()
  if [ -n "$rehearsal" ]; then
    settings=(--set lattice.size=8 --set data.train=80 --set data.validation=20 --set data.test=40 --set attack.angles=2)
    local network
    for network in d2l l2d; do
      settings+=(--set "$network.filters=[4,6]" --set "$network.hidden=16" --set "$network.batch=2" --set "$network.epochs=2")
    done
  fi
  # An interrupt ends it at the next step, with what it has saved.
  step paper 510 ./scalefree reproduce --preset paper --device cuda --out results/paper "${settings[@]}"
}

run() {
  case $1 in
    check | bench | paper) ;;
    *) die "no stage \"$1\": check, bench, paper" 2 ;;
  esac
  cd "$here"
  [ -x scalefree ] && [ -x tests ] || die "no programs beside this script: run it in the unpacked archive" 2
  mkdir -p results
  export SCALEFREE_FIXTURES=$here/fixtures
  rehearsal=${SCALEFREE_REHEARSAL:-} failed=0 deadline=$((SECONDS + 520))
  "$1"
  # What goes home: no weights, no data sets.
  tar -czf results.tar.gz --exclude='*.safetensors' --exclude='*.npz' --exclude='data' --exclude='checkpoints' results
  exit "$failed"
}

case ${1:-} in
  build) build ;;
  run) run "${2:-}" ;;
  *) die "usage: gpu-suite.sh build | run check|bench|paper" 2 ;;
esac
