#!/usr/bin/env bash
# Make .venv (or $VENV) with the exact set of constraints.txt, a line for each step; does nothing when it is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}; python=${PYTHON:-python3}; log=${TMPDIR:-/tmp}/genrec-install-$$.log
# the last nbdev that reads settings.ini is 2.4.14; somebody may have put a newer one into this environment
newer() {
    "$venv/bin/python" - "$1" <<'PY' 2>/dev/null
import sys
from importlib.metadata import version
from re import findall
try: found = version('nbdev')
except Exception: sys.exit()
if [*map(int, findall(r'\d+', found)[:3])] > [2, 4, 14]:
    print(f"nbdev {found} is in {sys.argv[1]}. This project is made with nbdev 2.4.14, the last that reads settings.ini: "
          "newer ones want pyproject.toml, so `make test`, `make docs` and nbdev's own commands stop with it. To mend it: "
          f"`{sys.argv[1]}/bin/python -m pip install 'nbdev==2.4.14' 'execnb<0.2' 'fastcore<2' 'ghapi<2'` puts it back, or "
          "delete the folder and run make again. `python .ci/nbdev3.py` tries a copy of the project with nbdev 3.")
PY
}
if [ -x "$venv/bin/python" ]; then
    said=$(newer "$venv")
    [ -z "$said" ] || echo "$said"
fi
stamp=$venv/.genrec-$(cat settings.ini constraints.txt setup.py | cksum | tr ' ' '-')
[ -f "$stamp" ] && exit 0

step() { printf '[%s] %s\n' "$1" "$2"; }
# pip's own lines, one at a time on a terminal; all of them in a log, shown when it fails
quiet() {
    if [ -t 1 ]; then "$@" 2>&1 | tee -a "$log" | awk '{printf "\r\033[K      %s", substr($0,1,70); fflush()} END{printf "\r\033[K"}'
    else "$@" >>"$log" 2>&1; fi || { printf '\nFAILED: %s\n' "$*"; tail -n 30 "$log"; echo "The whole log: $log"; exit 1; }
}

"$python" -c 'import sys; sys.exit(sys.version_info < (3,10))' 2>/dev/null || {
    echo "genrec needs Python 3.10 or newer, '$python' is $("$python" -V 2>&1 || true); name another with PYTHON=python3.11 make ..."; exit 1; }
step 1/3 "an environment in $venv, with $("$python" -V)"
[ -x "$venv/bin/python" ] || quiet "$python" -m venv "$venv"
pip="$venv/bin/python -m pip --disable-pip-version-check --no-input"
# constraints.txt was made on 3.11.7, and some of its versions want 3.11.5; before that only its bound for torch is used
exact=constraints.txt
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3,11,5))'; then
    exact=$venv/constraints-old.txt; grep '^torch==' constraints.txt > "$exact"
fi
step 2/3 "torch alone first, so that the version of constraints.txt decides what it brings"
quiet $pip install -c "$exact" torch
step 3/3 "genrec in place, with its dev extra (one to three minutes)"
quiet $pip install -c "$exact" -e '.[dev]'
rm -f "$venv"/.genrec-* "$log"; touch "$stamp"
