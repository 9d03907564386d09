#!/bin/sh
# Sets up .venv: `check` the prerequisites, `make` the environment, `install NAME...` what requirements/NAME.txt pins.
# Called by the Makefile. Everything comes with pinned hashes, so it does not matter which index serves it.
set -eu

venv=${SETUP_VENV:-.venv}
oldest=11
newest=14

say() { printf '==> %s\n' "$*"; }

fail() {
    printf '\n' >&2
    printf '%s\n' "$@" >&2
    exit 1
}

# Prints `major minor` of an interpreter, nothing if it cannot start.
version_of() { "$1" -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null || true; }

suits() {
    version=$(version_of "$1")
    case $version in "3 "*) minor=${version#3 } ;; *) return 1 ;; esac
    [ "$minor" -ge $oldest ] && { [ -n "${PYTHON:-}" ] || [ "$minor" -le $newest ]; }
}

has_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Sets `python` to the interpreter to use, or ends with the command that installs one.
find_python() {
    without_venv=
    for python in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3}; do
        suits "$python" || continue
        has_venv "$python" && return
        without_venv=${without_venv:-$python}
    done
    if [ -n "$without_venv" ]; then
        fail "$without_venv is there, but its venv and pip modules are not. Install them with one of:" \
            "  Debian, Ubuntu:  sudo apt-get install -y ${without_venv##*/}-venv" \
            "  Fedora:          sudo dnf install -y python3-pip" \
            "  macOS:           brew install python@3.13"
    fi
    if [ -n "${PYTHON:-}" ]; then
        fail "PYTHON=$PYTHON is not a Python 3.$oldest or newer that starts. Name another, or leave PYTHON out."
    fi
    fail "Python 3.$oldest to 3.$newest is needed and was not found. Install it with one of:" \
        "  Debian, Ubuntu:  sudo apt-get install -y python3 python3-venv" \
        "  Fedora:          sudo dnf install -y python3" \
        "  macOS:           brew install python@3.13" \
        "If python3 is another version there, name one that fits: make PYTHON=/path/to/python3.12 ..."
}

check() {
    command -v git >/dev/null 2>&1 || fail "git is needed and was not found. Install it with one of:" \
        "  Debian, Ubuntu:  sudo apt-get install -y git" \
        "  Fedora:          sudo dnf install -y git" \
        "  macOS:           xcode-select --install"
    if [ -f "$venv/.made" ] && [ -n "$(version_of "$venv/bin/python")" ]; then
        if [ -n "${PYTHON:-}" ] && [ "$(version_of "$PYTHON")" != "$(version_of "$venv/bin/python")" ]; then
            suits "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.$oldest or newer that starts."
            fail "$venv was made with another Python than PYTHON=$PYTHON. Run 'make clean' first."
        fi
        return
    fi
    rm -f "$venv/.made" "$venv"/.installed-*
    find_python
}

make_venv() {
    find_python
    say "making $venv with $python ($("$python" --version 2>&1))"
    "$python" -m venv --clear "$venv"
    say "fetching the installer (uv)"
    "$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: -r requirements/uv.txt ||
        say "uv cannot be had here; pip installs the rest, more slowly"
    touch "$venv/.made"
}

# uv is fast but does not read pip's configuration (a mirror, a certificate); where it fails, pip does the same.
sync() {
    if [ -x "$venv/bin/uv" ]; then
        pins=
        for file; do pins="$pins requirements/$file.txt"; done
        # shellcheck disable=SC2086
        "$venv/bin/uv" pip sync --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes \
            requirements/uv.txt $pins && return
        say "uv did not succeed; trying again with pip and its configuration"
    fi
    for file; do
        "$venv/bin/python" -m pip install --quiet --require-hashes -r "requirements/$file.txt"
    done
}

install() {
    rm -f "$venv"/.installed-*
    for file; do
        say "installing $(grep -c '^[a-z]' "requirements/$file.txt") pinned packages ($file)"
    done
    sync "$@"
    say "installing the commands channel and party"
    PIP_REQUIRE_HASHES=0 "$venv/bin/python" -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
    touch "$venv/.installed-$1"
}

command=${1:?check, make or install}
shift
case $command in
check) check ;;
make) make_venv ;;
install) install "$@" ;;
*) fail "unknown command $command" ;;
esac
