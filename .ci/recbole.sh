#!/usr/bin/env bash
# RecBole in an environment of its own inside .venv (or $VENV), which it shares torch with and otherwise leaves alone: prints its python
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}; own=$venv/recbole
if ! "$own/bin/python" -c 'import recbole.config' 2>/dev/null; then
  echo "Installing RecBole into $own" >&2
  "$venv/bin/python" -m venv "$own"
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  echo "$site" > "$("$own/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/genrec-shared.pth"
  "$own/bin/python" -m pip --disable-pip-version-check --no-input install -q --no-deps recbole==1.2.1 colorlog colorama texttable tabulate thop >&2
fi
echo "$own/bin/python"
