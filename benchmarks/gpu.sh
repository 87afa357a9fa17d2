#!/bin/sh
# Measures what a GPU does with maskforge, within ten minutes, and prints one table: the trainings on
# JAX and PyTorch beside plain PyTorch, compiled or not, the batches without a network, and the
# prediction of a folder. All take turns, so that the ratios to the first line hold on any day.
#
#     benchmarks/gpu.sh           on a GPU
#     benchmarks/gpu.sh tiny      a trial of the script on a CPU, whose numbers mean nothing
#
# PYTHON is the interpreter: with maskforge and Keras, and JAX or PyTorch for that GPU. What is not
# installed is left out.
set -eu
first="PyTorch bfloat16, compiled" last="matrix product"
if [ "${1:-}" = tiny ]; then
    first="PyTorch float32" last=""  # the others take minutes on a CPU
    set -- --device cpu --filters 2 --size 32 --batch 2 --steps 1 --rounds 1
elif [ $# -eq 0 ]; then
    set -- --device gpu --size 512 --steps 30 --rounds 4
fi
exec "${PYTHON:-python3}" "$(dirname "$0")/training.py" "$@" --only \
    "$first" \
    "PyTorch bfloat16" \
    "maskforge, jax, bfloat16" \
    "maskforge, torch, bfloat16" \
    "maskforge, torch, bfloat16, plain" \
    "maskforge, batches alone" \
    "maskforge, prediction, jax" \
    "maskforge, prediction, torch" \
    ${last:+"$last"}
