#!/usr/bin/env bash
# Fills .powerlaw/ with the data sets that the Python package powerlaw 2.0.0 carries, which tests/published.rs reads: no code of the
# package is run. Where it cannot (no Python, no network) it says so in one line and succeeds: the tests then ignore those sets by name.
set -uo pipefail
cd "$(dirname "$0")/.."

if [ -f .powerlaw/powerlaw/reference_data/cities.txt ]; then
  exit 0
fi
give_up() {
  rm -rf .powerlaw.part
  echo "powerlaw-data: $1; the published data sets will not be tested"
  exit 0
}
python=$(command -v python3 || command -v python) || give_up "no python3"
rm -rf .powerlaw.part
"$python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: --target .powerlaw.part \
  powerlaw==2.0.0 2> /dev/null || give_up "pip could not fetch powerlaw 2.0.0"
rm -rf .powerlaw
mv .powerlaw.part .powerlaw
