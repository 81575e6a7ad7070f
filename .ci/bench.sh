#!/usr/bin/env bash
# Measure one part against what its users would run otherwise: .ci/bench.sh NAME [options]; without a name, say which there are
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-}
if [ -z "$name" ] || [ ! -f "bench/$name.py" ]; then
    [ -z "$name" ] || echo "there is no bench/$name.py; there are:" >&2
    for file in bench/*.py; do
        printf '%-14s %s\n' "$(basename "$file" .py)" "$(sed -n '1s/^"""//p' "$file" | sed 's/"""$//')"
    done
    [ -z "$name" ] && exit 0 || exit 2
fi
shift
case $name in # what is measured against, where it is not installed with genrec
    data|data100m) bash .ci/extra.sh bench polars ;;
    quantize) bash .ci/extra.sh bench faiss ;;
    baselines|causal) set -- --recbole "$(bash .ci/beside.sh recbole)" "$@" ;;
    generative) set -- --cornac "$(bash .ci/beside.sh cornac)" "$@" ;;
esac
exec python "bench/$name.py" "$@"
