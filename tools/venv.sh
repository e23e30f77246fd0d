#!/bin/sh
# Makes or updates the virtual environment from a lock file, with nothing but Python's own tools.
#     sh tools/venv.sh FOLDER LOCK [--package]
# --package also installs Tidewaiter itself, editable, and the npm packages that it runs.
# PYTHON=… chooses the interpreter.
set -eu

folder=$1
lock=$2
package=${3:-}

say() { echo "setup: $*" >&2; }

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14}; do
        if new_enough "$name"; then
            echo "$name"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        say "PYTHON=$PYTHON is not a Python 3.11 or newer."
    else
        say "no Python 3.11 or newer was found (tried python3 and python3.11 to python3.14)."
        say "On Debian 12 or Ubuntu: apt-get install python3 python3-venv. Or name one: make PYTHON=/path/to/python3.12 …"
    fi
    return 1
}

usable() {
    [ -x "$folder/bin/python" ] && new_enough "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1
}

if ! usable; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "$python cannot make virtual environments: on Debian and Ubuntu, apt-get install python3-venv"
        exit 1
    fi
    say "making $folder with $("$python" --version)"
    "$python" -m venv --clear "$folder"
fi

# The lock is complete and hashed: no dependency is looked for beyond it and nothing is built.
say "installing $lock"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --require-hashes --no-deps --only-binary :all: -r "$lock" || {
    say "the packages of $lock could not be installed; pip says why above."
    say "A new try goes on where this one stopped: run the same make command again."
    exit 1
}
if [ "$package" = --package ]; then
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
        --no-deps --no-build-isolation --no-index -e .
    "$folder/bin/python" tools/node_packages.py
fi
