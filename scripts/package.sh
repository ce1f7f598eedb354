#!/usr/bin/env bash
# Makes what people install without Rust, in dist/: a static program for Linux as .tar.gz and .deb, a
# .zip for Windows, an SBOM for each and SHA256SUMS. Two runs on the same commit give the same bytes.
# It does not try the packages: scripts/package_test.sh does.
#
# Usage: scripts/package.sh [x86_64-unknown-linux-musl] [x86_64-pc-windows-gnu]
#
# For Debian 12 on x86-64, whose rustc-web can build the standard library for both targets. As root
# it installs the Debian packages it needs; the rest is fetched into target/package-tools once, by
# hash or with locked versions.
set -euo pipefail
cd "$(dirname "$0")/.."

linux=x86_64-unknown-linux-musl
windows=x86_64-pc-windows-gnu
[ $# -gt 0 ] || set -- "$linux" "$windows"

root=$PWD
cargo_home=${CARGO_HOME:-$HOME/.cargo}
tools=$root/target/package-tools
export CARGO_TARGET_DIR=$root/target/package
stage=$CARGO_TARGET_DIR/stage
export PATH=$tools/python/bin:$tools/bin:/usr/bin:$PATH
export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1
export ZIG_GLOBAL_CACHE_DIR=$CARGO_TARGET_DIR/zig ZIG_LOCAL_CACHE_DIR=$CARGO_TARGET_DIR/zig
export CARGO_ZIGBUILD_CACHE_DIR=$CARGO_TARGET_DIR/zigbuild
export CARGO_TERM_COLOR=never TZ=UTC LC_ALL=C.UTF-8
umask 022

fail() {
    echo "package.sh: $*" >&2
    exit 1
}

# --- what is needed

debian_packages() {
    local wanted=(ca-certificates cargo-web rustc-web rust-web-src gcc libc6-dev gcc-mingw-w64-x86-64
        python3-venv git jq xz-utils zip)
    dpkg --status "${wanted[@]}" >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] || fail "run as root once, or: apt-get install ${wanted[*]}"
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "${wanted[@]}"
}

# cargo_tool NAME VERSION [OPTION...]
cargo_tool() {
    grep -qsF "\"$1 $2 " "$tools/.crates.toml" && return
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --root "$tools" "$1@$2" "${@:3}"
}

build_tools() {
    [ -x "$tools/python/bin/cargo-zigbuild" ] || {
        python3 -m venv "$tools/python"
        "$tools/python/bin/pip" --quiet --disable-pip-version-check install --require-hashes \
            --no-deps --only-binary :all: -r scripts/package/build-tools.txt
        ln -sfn "$(echo "$tools"/python/lib/python3*/site-packages/ziglang)" "$tools/python/zig"
    }
    cargo_tool cargo-about 0.9.3 --features cli
    cargo_tool cargo-cyclonedx 0.5.9
    # Its own liblzma: the system's may write other bytes.
    cargo_tool cargo-deb 3.8.0 --features static-lzma
}

# --- the program

# compile TARGET: no folder of this machine gets into the program, and no time.
compile() {
    local command flags sources=/usr/lib/rustlib/src/rust
    case $1 in
        "$linux")
            command=zigbuild
            flags=(-Clink-self-contained=no) ;;
        "$windows")
            command=build
            # Without symbols: some are named after a temporary folder of the compiler.
            flags=("-Clink-arg=-Wl,--no-insert-timestamp" -Cstrip=symbols) ;;
        *) fail "unknown target: $1" ;;
    esac
    flags+=(
        "--remap-path-prefix=$root=/tomticket-sync"
        "--remap-path-prefix=$cargo_home/registry/src=/cargo"
        "--remap-path-prefix=$sources=/rust"
        "--remap-path-prefix=$(realpath "$sources")=/rust"
    )
    CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}") \
    CFLAGS="-ffile-prefix-map=$root=/tomticket-sync -ffile-prefix-map=$cargo_home/registry/src=/cargo" \
        cargo "$command" --release --locked --bin tomticket-sync \
        -Zbuild-std=std,panic_unwind --target "$1"
}

# --- what goes with it

# dependencies TARGET: what is linked or run by the build, as "name version".
dependencies() {
    cargo tree --offline --locked --edges normal,build --target "$1" --prefix none --format '{p}' \
        | sed '1d; s/ v\([^ ]*\).*/ \1/' | sort -u
}

# sbom TARGET FILE: CycloneDX.
sbom() {
    local crates
    crates=$(dependencies "$1")
    cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$1" --override-filename sbom
    jq --arg crates "$crates" --arg root "$root" --from-file scripts/package/sbom.jq sbom.json >"$2"
    rm sbom.json
    diff <(echo "$crates") <(jq -r '.components[] | "\(.name) \(.version)"' "$2" | sort -u) \
        || fail "the SBOM of $1 is not what cargo tree says (<)"
}

# licences TARGET FILE: the texts of all dependencies, and of what the compilers add.
licences() {
    local doc=/usr/share/doc added file
    local zig=$tools/python/zig
    case $1 in
        "$linux") added=("$zig/lib/libc/musl/COPYRIGHT" "$zig/lib/libunwind/LICENSE.TXT" "$zig/LICENSE") ;;
        "$windows") added=("$doc/mingw-w64-x86-64-dev/copyright" "$doc/gcc-mingw-w64-x86-64/copyright") ;;
    esac
    cargo about generate --offline --locked --fail --target "$1" \
        --config scripts/package/licences.toml --output-file "$2" scripts/package/licences.hbs
    for file in "$doc/libstd-rust-web-dev/copyright" "${added[@]}"; do
        printf '%.0s-' {1..80}
        printf '\nDo compilador: %s\n\n' "$(basename "$(dirname "$file")")"
        cat "$file"
    done >>"$2"
}

# --- the packages

# staged NAME TARGET: a folder with the program's papers, as they are committed and at the places
# that the guide names; sets $folder.
staged() {
    folder=$stage/$1
    rm -rf "$folder"
    mkdir -p "$folder"
    git archive HEAD README.md CHANGELOG.md LICENSE docs fixtures ':!*/.gitattributes' | tar -x -C "$folder"
    licences "$2" "$folder/LICENCAS.txt"
    sbom "$2" "dist/$1.cdx.json"
}

# dated FOLDER: nothing in it is younger or older than the commit, or more or less readable.
dated() {
    chmod -R u=rwX,go=rX "$1"
    find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

package_linux() {
    local name=tomticket-sync-$version-linux-x86_64 shell
    local program=$CARGO_TARGET_DIR/$linux/release/tomticket-sync
    staged "$name" "$linux"
    cp "$program" "$folder/"
    mkdir "$folder/completions"
    "$program" manual >"$folder/tomticket-sync.1"
    for shell in bash zsh fish; do
        "$program" completions "$shell" >"$folder/completions/tomticket-sync.$shell"
    done
    dated "$folder"
    tar --create --directory "$stage" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner "$name" \
        | gzip -9n >"dist/$name.tar.gz"

    # The same files at Debian's places; Cargo.toml says which.
    ln -sfn "$folder" "$stage/linux"
    {
        printf 'tomticket-sync (%s) unstable; urgency=medium\n\n' "$version"
        printf '  * Como em /usr/share/doc/tomticket-sync/CHANGELOG.md.\n\n'
        printf -- ' -- tomticket-sync <noreply@exemplo.com.br>  %s\n' "$(date --rfc-email --date="@$SOURCE_DATE_EPOCH")"
    } >"$stage/changelog"
    cargo deb --quiet --no-build --no-strip --target "$linux" --output dist/
    cp "dist/$name.cdx.json" "dist/$(basename dist/*.deb .deb).cdx.json"
}

package_windows() {
    local name=tomticket-sync-$version-windows-x86_64
    staged "$name" "$windows"
    cp "$CARGO_TARGET_DIR/$windows/release/tomticket-sync.exe" "$folder/"
    dated "$folder"
    (cd "$stage" && find "$name" | sort | zip -9 -X --quiet --names-stdin "$root/dist/$name.zip")
}

# no_machine_paths PACKAGE: neither the program nor a paper names a folder of this machine.
no_machine_paths() {
    local inside=$stage/inside
    rm -rf "$inside"
    mkdir -p "$inside"
    case $1 in
        *.tar.gz) tar -xzf "$1" -C "$inside" ;;
        *.deb) dpkg-deb --raw-extract "$1" "$inside" ;;
        *.zip) python3 -m zipfile -e "$1" "$inside" ;;
        *) cp "$1" "$inside" ;;
    esac
    # zgrep reads plain files as well.
    local found
    found=$(find "$inside" -type f -exec zgrep --text --files-with-matches --fixed-strings \
        -e "$root" -e "${root//[^[:alnum:]]/_}_target" -e "$HOME/" -e "$cargo_home" -e /usr/lib/rustlib -e /usr/src {} \;)
    [ -z "$found" ] || fail "$1 names a folder of this machine: $found"
}

debian_packages
git diff --quiet HEAD || fail "commit first: a package is made of a commit"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
build_tools
rm -rf dist
mkdir dist
cargo fetch --quiet --locked
version=$(cargo pkgid --offline --locked | sed 's/.*[#@]//')
for target in "$@"; do
    compile "$target"
    case $target in
        "$linux") package_linux ;;
        "$windows") package_windows ;;
    esac
done
for package in dist/*; do
    no_machine_paths "$package"
done
(cd dist && sha256sum -- * >SHA256SUMS && cat SHA256SUMS)
