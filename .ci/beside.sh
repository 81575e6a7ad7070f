#!/usr/bin/env bash
# .ci/beside.sh recbole|cornac: what others offer, in an environment of its own inside .venv (or $VENV), which it shares torch with and otherwise leaves alone: prints its python
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}; name=${1:-}; own=$venv/$name
case $name in
    recbole) try=recbole.config; packages=(recbole==1.2.1 colorlog colorama texttable tabulate thop) ;;
    cornac) try='cornac.models, k_means_constrained, faiss'; packages=(cornac==3.0.1 powerlaw mpmath k-means-constrained==0.9.0 ortools absl-py protobuf immutabledict faiss-cpu) ;;
    *) echo "there is recbole and cornac, got '$name'" >&2; exit 2 ;;
esac
if ! "$own/bin/python" -c "import $try" 2>/dev/null; then
  echo "Installing $name into $own" >&2
  "$venv/bin/python" -m venv "$own"
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  echo "$site" > "$("$own/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/genrec-shared.pth"
  "$own/bin/python" -m pip --disable-pip-version-check --no-input install -q --no-deps "${packages[@]}" >&2
  "$own/bin/python" -c "import $try" >&2
fi
echo "$own/bin/python"
