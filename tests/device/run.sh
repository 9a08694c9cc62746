#!/usr/bin/env bash
# Verifies and measures everything on a CUDA card, in at most six minutes: tests/device/run.sh [--toy] [FOLDER for the figures].
# What it needs there, and what it does: run.py. --toy: a rehearsal at toy size, on numba's simulator.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec "${PYTHON:-python3}" tests/device/run.py "$@"
