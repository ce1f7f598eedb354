#!/usr/bin/env bash
# Builds the Windows program on Debian and runs the end-to-end tests against it under Wine. Which of
# them are left out, and why: tests/windows.txt. It builds without optimisation; packages are made
# elsewhere. With words, it runs only tests whose names begin with one of them:
#
#     scripts/windows.sh ledger:: output_rejects::
#
# Debian's rustc-web and rust-web-src build the standard library for Windows (RUSTC_BOOTSTRAP lets the
# stable compiler do so). Everything that is made lies in target/windows.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
made=$root/target/windows
wine=/usr/lib/wine/wine64
wineserver=/usr/lib/wine/wineserver64
exe=$made/x86_64-pc-windows-gnu/debug/tomticket-sync.exe
packages=(rustc-web rust-web-src gcc-mingw-w64-x86-64 wine64)
export WINEPREFIX=$made/wine WINEDEBUG=-all LC_ALL=C.UTF-8 TMPDIR=/tmp

install_what_is_missing() {
    local missing=()
    local package
    for package in "${packages[@]}"; do
        dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
    done
    command -v cargo >/dev/null || missing+=(cargo-web)
    if [ "${#missing[@]}" -eq 0 ]; then
        return
    fi
    echo "== install ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        echo "As root: apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${missing[@]}"
}

build() {
    echo "== build"
    RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 cargo build --locked --target-dir "$made" \
        -Zbuild-std=std,panic_unwind --target x86_64-pc-windows-gnu
    # Wine looks for libraries beside the program.
    x86_64-w64-mingw32-gcc -shared -nostdlib -O2 -Wall -Wextra -Werror -o "$(dirname "$exe")/bcryptprimitives.dll" \
        tests/windows/bcryptprimitives.c -ladvapi32
    local tool
    for tool in console hold; do
        x86_64-w64-mingw32-gcc -municode -O2 -Wall -Wextra -Werror -o "$made/$tool.exe" \
            "tests/windows/$tool.c"
    done
}

# A Windows of its own. Its server stays between the programs, because starting it takes seconds.
prepare_wine() {
    echo "== wine"
    if [ ! -e "$WINEPREFIX/system.reg" ]; then
        "$wine" wineboot -i >/dev/null 2>&1
        # What the environment says of the temporary folder holds instead.
        local system='HKLM\System\CurrentControlSet\Control\Session Manager\Environment'
        local name
        for name in TEMP TMP; do
            "$wine" reg delete 'HKCU\Environment' /v "$name" /f >/dev/null 2>&1
            "$wine" reg delete "$system" /v "$name" /f >/dev/null 2>&1
        done
    fi
    # Fails where it is running already.
    "$wineserver" -p 2>/dev/null || true
    trap '"$wineserver" -k' EXIT
    # A program that stays as long as this script keeps Wine's services up: whatever starts them anew
    # leaves them its output streams.
    touch "$made/held"
    exec {open}> >(exec "$wine" "$made/hold.exe" "Z:$made/held" r >/dev/null 2>&1)
}

# What the tests start in place of the program: paths in its variables are those of Windows (Z: is
# the whole file system). Wine gives TEMP to a program only under another name, and looks for its own
# server in TMPDIR.
environment() {
    cat <<END
#!/usr/bin/env bash
export WINEPREFIX='$WINEPREFIX' WINEDEBUG=-all LC_ALL=C.UTF-8
export WINETEMP="Z:\${TMPDIR-/tmp}" WINETMP="Z:\${TMPDIR-/tmp}" TMPDIR=/tmp
if [ -n "\${XDG_STATE_HOME-}" ]; then export XDG_STATE_HOME="Z:\$XDG_STATE_HOME"; fi
END
}

write_starters() {
    { environment; echo "exec $wine '$exe' \"\$@\""; } >"$made/tomticket-sync"
    # With a console, whose Ctrl-C is the test's SIGINT.
    { environment; cat <<END; } >"$made/tomticket-sync-console"
ask=\$(mktemp -u)
setpriv --pdeathsig KILL $wine '$made/console.exe' "Z:\$ask" '$exe' "\$@" <&0 &
program=\$!
trap ': >"\$ask"' INT
code=0
while kill -0 \$program 2>/dev/null; do wait \$program && code=0 || code=\$?; done
exit \$code
END
    # Another program that has a file open, and a shell for the nightly task.
    { environment; echo "exec $wine '$made/hold.exe' \"\$@\""; } >"$made/hold"
    { environment; echo "BINARIO='Z:$exe' exec $wine cmd /c \"\$@\""; } >"$made/cmd"
    chmod +x "$made"/{tomticket-sync,tomticket-sync-console,hold,cmd}
}

# The names of the file's section: tests, or whole modules that end in "::".
section() {
    awk -v wanted="[$1]" '/^\[/ { at = $0 } at == wanted && /^[a-z]/ { print $1 }' tests/windows.txt
}

# Of the names on standard input, those that begin with a line of the file.
beginning_with() {
    awk 'NR == FNR { names[$0]; next }
        { for (name in names)
            if (name ~ /::$/ ? index($0, name) == 1 : $0 == name) { print; next } }' "$1" -
}

run_tests() {
    local program=$1
    shift
    if [ "$#" -gt 0 ]; then
        TOMTICKET_SYNC_TESTS_PROGRAM=$program TOMTICKET_SYNC_TESTS_WINDOWS=$made \
            cargo test --locked --test e2e -- --exact "$@" || failed=1
    fi
}

tests() {
    echo "== tests"
    local lists=$made/lists
    mkdir -p "$lists"
    section skipped >"$lists/skipped"
    section console >"$lists/console"
    cargo test --locked --test e2e -- --list --format terse | sed -n 's/: test$//p' >"$lists/all"
    if [ "$#" -gt 0 ]; then
        printf '%s\n' "$@" >"$lists/wanted"
        awk 'NR == FNR { words[$0]; next } { for (word in words) if (index($0, word) == 1) { print; next } }' \
            "$lists/wanted" "$lists/all" >"$lists/asked"
    else
        cp "$lists/all" "$lists/asked"
    fi
    beginning_with "$lists/skipped" <"$lists/all" >"$lists/skipped-tests"
    grep -vxFf "$lists/skipped-tests" "$lists/asked" >"$lists/run" || true
    [ -s "$lists/run" ] || { echo "windows.sh: no test of Windows has such a name" >&2; exit 1; }
    beginning_with "$lists/console" <"$lists/run" >"$lists/in-console" || true
    local failed=0
    local -a names
    mapfile -t names <"$lists/in-console"
    run_tests "$made/tomticket-sync-console" "${names[@]}"
    mapfile -t names < <(grep -vxFf "$lists/in-console" "$lists/run")
    run_tests "$made/tomticket-sync" "${names[@]}"
    echo "Skipped on Windows: $(wc -l <"$lists/skipped-tests") of $(wc -l <"$lists/all"), see tests/windows.txt"
    return "$failed"
}

install_what_is_missing
build
prepare_wine
write_starters
tests "$@"
