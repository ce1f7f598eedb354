#!/usr/bin/env bash
# Tries the packages in dist/ as a user would: sums, the program in an empty root, what the .deb
# installs and leaves behind, what the .exe asks of Windows. It does not make them.
#
# Run it as root on a machine to throw away: it installs the .deb and purges it.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "package_test.sh: $*" >&2
    exit 1
}

# expect TEXT FILE
expect() {
    grep -qF -- "$1" "$2" || { cat "$2" >&2; fail "no \"$1\" above"; }
}

sums() {
    (cd dist && sha256sum --check --quiet --strict SHA256SUMS)
    [ "$(wc -l <dist/SHA256SUMS)" = "$(find dist -type f ! -name SHA256SUMS | wc -l)" ] \
        || fail "SHA256SUMS does not name every file"
}

# Nothing but the program and a CSV: no loader, no libraries, no /etc, no certificates.
empty_root() {
    local code=0 program=("$work"/tomticket-sync-*-linux-x86_64/tomticket-sync)
    mkdir "$work/root"
    cp "${program[0]}" fixtures/clientes.csv "$work/root/"
    chroot "$work/root" /tomticket-sync run clientes.csv --sandbox >"$work/out" 2>&1 \
        || { cat "$work/out" >&2; fail "the rehearsal failed in an empty root"; }
    [ "$(grep -c ',atualizado,' "$work/root/clientes.simulado.resultado.csv")" = 24 ] \
        || fail "not every row is updated"
    # Only https needs certificates, and then it says what is missing.
    TOMTICKET_TOKEN=x chroot "$work/root" /tomticket-sync run clientes.csv --no-ledger \
        --base-url https://127.0.0.1:9 >"$work/out" 2>&1 || code=$?
    [ "$code" != 0 ] || fail "https without certificates did not fail"
    expect "ca-certificates" "$work/out"
}

# What is on this machine, but for what dpkg and the package manager's own records say.
files() {
    find /etc /opt /usr /var -xdev \( -path /var/lib/dpkg -o -path /var/log -o -path /var/cache \) -prune \
        -o -print | sort
}

debian_package() {
    local package=(dist/*.deb) path
    dpkg --status tomticket-sync >/dev/null 2>&1 && fail "tomticket-sync is installed here"
    files >"$work/before"
    dpkg --install "${package[0]}"
    (cd "$work" && /usr/bin/tomticket-sync run /usr/share/doc/tomticket-sync/fixtures/clientes.csv \
        --sandbox --rate unlimited --results r.csv --rejects x.csv >out 2>&1) || fail "it does not run"
    for path in man/man1/tomticket-sync.1.gz bash-completion/completions/tomticket-sync \
        zsh/vendor-completions/_tomticket-sync fish/vendor_completions.d/tomticket-sync.fish \
        doc/tomticket-sync/{changelog.Debian.gz,copyright,LICENCAS.txt,docs/guia.md}; do
        [ -f "/usr/share/$path" ] || fail "no /usr/share/$path"
    done
    # Installed and not switched on.
    [ -f /usr/lib/systemd/system/tomticket-sync.timer ] || fail "no units"
    ! find /etc/systemd -name 'tomticket-sync*' | grep . || fail "a unit is enabled"
    dpkg --remove tomticket-sync
    dpkg --purge tomticket-sync
    files >"$work/after"
    diff "$work/before" "$work/after" || fail "the .deb leaves something behind (>)"
}

# Windows has these itself, from version 10 on.
windows_libraries='api-ms-win-(core|crt)-.*|(advapi32|bcrypt|bcryptprimitives|crypt32|kernel32|msvcrt|ntdll|secur32|shell32|userenv|ws2_32)\.dll'

windows_program() {
    local program=("$work"/tomticket-sync-*-windows-x86_64/tomticket-sync.exe)
    x86_64-w64-mingw32-objdump -p "${program[0]}" | sed -n 's/.*DLL Name: //p' >"$work/libraries"
    [ -s "$work/libraries" ] || fail "no libraries found in the .exe"
    ! grep -vixE "$windows_libraries" "$work/libraries" || fail "the .exe asks for more than Windows has"
}

sums
if compgen -G "dist/*.tar.gz" >/dev/null; then
    tar -xzf dist/*.tar.gz -C "$work"
    empty_root
    debian_package
fi
if compgen -G "dist/*.zip" >/dev/null; then
    python3 -m zipfile -e dist/*.zip "$work"
    windows_program
fi
echo "The packages are good."
