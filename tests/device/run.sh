#!/usr/bin/env bash
# Verifies and measures everything on a CUDA card, in at most six minutes: tests/device/run.sh [FOLDER for the figures].
# It needs torch, numba and numba-cuda there; what else is missing comes from tests/device/wheels (pack.sh), without an index.
set -uo pipefail
cd "$(dirname "$0")/../.."
out="${1:-${OUT:-.}}"
export PYTHONPATH="$PWD" OMP_NUM_THREADS=1
python="${PYTHON:-python3}"

if compgen -G "tests/device/wheels/*.whl" > /dev/null; then
  "$python" -m pip install --quiet --no-index --no-deps tests/device/wheels/*.whl || echo "some wheels were not installed"
fi
for name in torch numba numba_cuda jax tensorneat neat gymnasium; do
  "$python" -c "import $name; print('$name', getattr($name, '__version__', ''))" 2> /dev/null || echo "$name: does not import; skipped"
done
"$python" -m scenarios devices || echo "evo devices: failed; it needs all of setup.cfg's libraries"

status=0
timeout 150 "$python" -m pytest -q -m cuda -o addopts= -o filterwarnings= tests/device tests/evo/vectors/test_encoding.py \
  > "$out/device-tests.txt" 2>&1 || status=$?
tail -n 30 "$out/device-tests.txt"
timeout 190 "$python" tests/device/bench_device.py --seconds 150 --json "$out/device.json" || status=$?
[ -f "$out/device.json" ] && "$python" tests/device/results.py "$out/device.json" | tee "$out/device.md"
exit "$status"
