#!/usr/bin/env bash
# Fills .cuda/ with the CUDA 13.0 compiler from PyPI's wheels, for machines without a toolkit: no root, no licence prompt, about 400 MB.
# Where it cannot (no Python, no network, no wheel for this machine) it says so in one line and succeeds: the build then has no kernels.
set -uo pipefail
cd "$(dirname "$0")/.."

if compgen -G ".cuda/nvidia/*/bin/nvcc" > /dev/null; then
  exit 0
fi
give_up() {
  rm -rf .cuda.part
  echo "cuda-toolkit: $1; kernels will not be compiled"
  exit 0
}
python=$(command -v python3 || command -v python) || give_up "no python3"
rm -rf .cuda.part
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --target .cuda.part \
  nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 \
  nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85 2> /dev/null || give_up "pip could not fetch CUDA 13.0"
compgen -G ".cuda.part/nvidia/*/bin/nvcc" > /dev/null || give_up "the wheels hold no nvcc"
chmod -R u+x .cuda.part/nvidia/*/bin .cuda.part/nvidia/*/nvvm/bin 2> /dev/null
rm -rf .cuda
mv .cuda.part .cuda
# Cargo shall look again for a compiler.
touch build.rs
