#!/usr/bin/env bash
# Install an extra of genrec into .venv (or $VENV) where it is missing: .ci/extra.sh EXTRA MODULE_THAT_TELLS
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
"$venv/bin/python" -c "import importlib.util, sys; sys.exit(not importlib.util.find_spec('$2'))" && exit 0
echo "Installing the extra \`$1\`, which is not in $venv yet"
exact=constraints.txt; [ -f "$venv/constraints-old.txt" ] && exact=$venv/constraints-old.txt
"$venv/bin/python" -m pip --disable-pip-version-check --no-input install -q -c "$exact" -e ".[$1]"
