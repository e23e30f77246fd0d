#!/bin/sh
# Resolves pyproject.toml into requirements/*.txt for every Python from 3.11 and every platform.
#     sh tools/lock.sh path/to/uv
# No setting of the machine (index, find-links, constraints) may reach a lock: the environment is emptied.
set -eu

compile() {
    out=$1
    shift
    env -i PATH="$PATH" HOME="$HOME" ${SSL_CERT_FILE:+SSL_CERT_FILE="$SSL_CERT_FILE"} "$uv" pip compile \
        --quiet --no-config --upgrade --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-build --no-annotate \
        --custom-compile-command "make lock" "$@" -o "$out"
}

uv=$1
compile requirements/run.txt pyproject.toml --group build
compile requirements/dev.txt pyproject.toml --group build --group dev --constraint requirements/run.txt
echo uv | compile requirements/lock.txt -
