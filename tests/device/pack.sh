#!/usr/bin/env bash
# Fetches the wheels that a machine with a card but without a package index lacks, into tests/device/wheels: at most 64 MiB
# together with the files of this repository, since all of it travels.
# TENSORNEAT: where its source is, as pip takes it.
set -euo pipefail
cd "$(dirname "$0")/../.."
python="${PYTHON:-python3}"
wheels=tests/device/wheels
rm -rf "$wheels"
"$python" -m pip download --quiet --no-deps --only-binary :all: --python-version 3.12 --dest "$wheels" \
  -r tests/device/requirements.txt
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$wheels" "${TENSORNEAT:-git+https://github.com/EMI-Group/tensorneat}" ||
  echo "TensorNEAT was not fetched: the bench leaves it out"
size="$({ git ls-files -z --cached --others --exclude-standard; find "$wheels" -type f -print0; } |
  du --bytes --total --files0-from=- | tail -n 1 | cut -f 1)"
[ "$size" -le $((64 * 1024 * 1024)) ] || { echo "$wheels and the repository: $size bytes; expected at most 64 MiB"; exit 1; }
ls -l "$wheels"
