# make demo [DATA=folder] [T5=1]   the workbench, from nothing to a leaderboard and an HTML page: three to six minutes; T5: TIGER's too
# make test                  every notebook and script test; ends with `N passed, N failed`
# make test ANYWHERE=1       the same as other processors compute it, with two threads, and with all seeds moved by one (ANYWHERE="seeds moved" for one)
# make lab                   JupyterLab at the workbench (LAB="--no-browser --port=8899" passes options on)
# make docs                  the site: real Quarto where it is installed, else a pandoc preview
# make study                 which studies there are: systems compared, job by job, on real data
# make study NAME=bbqrec     run what is missing in runs/bbqrec (ARGS="--budget-min 30 --lane 0/2" and other options of `genrec study`)
# make bench                 which parts are measured against what their users would run otherwise
# make bench NAME=decode     measure one of them (ARGS=--small for a small try)
# make test-browser          the widgets under a person's hands: JupyterLab and the rendered pages in Chromium; ends with `N passed, N failed`
# make test-spark            the filters on a Spark backend give what they give on DuckDB; ends with `N passed, N failed` (needs Java 17 or newer)
# make notebooks             run every notebook and keep its outputs (NBS=nbs/quantize/12_rq.ipynb for one)
# make clean                 remove what the others made, .venv too
SHELL := bash
VENV ?= .venv
export VENV PYTHON
export HF_HUB_OFFLINE ?= 1
run := PATH="$(abspath $(VENV))/bin:$$PATH"

.PHONY: help demo test lab docs study bench test-browser test-spark notebooks constraints venv clean
help:
	@sed -n '/^# make/s/^# //p' Makefile

venv:
	@bash .ci/venv.sh

demo: venv
	@$(run) $(if $(T5),GENREC_T5=1) python .ci/demo.py $(if $(DATA),"$(DATA)")

test: venv
	@$(run) python .ci/test.py $(if $(ANYWHERE),$(if $(filter 1,$(ANYWHERE)),--anywhere,--setting "$(ANYWHERE)"))

lab: venv
	@$(run) env -u HF_HUB_OFFLINE jupyter lab --ServerApp.root_dir="$(CURDIR)" $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB) nbs/workbench.ipynb

docs: venv
	@$(run) python .ci/docs.py

study: venv
	@$(run) genrec study $(if $(NAME),"$(NAME)" $(ARGS),--list)

bench: venv
	@$(run) bash .ci/bench.sh $(if $(NAME),"$(NAME)" $(ARGS))

test-browser: venv docs
	@$(run) python .ci/lab.py --site _site --lab --scale

test-spark: venv
	@bash .ci/extra.sh spark pyspark
	@$(run) python .ci/spark.py

notebooks: venv
	@$(run) nbdev_export
	@$(run) python .ci/save.py $(NBS)
	@$(run) python .ci/readme.py

# the header of constraints.txt says what this is; look at the diff before it is committed
constraints: venv
	@{ sed -n '/^#/p' constraints.txt; $(VENV)/bin/python -m pip freeze --exclude-editable | grep -vE '^genrec|@ ' | sed -E 's/\+[a-z0-9.]+$$//'; } > constraints.new
	@mv constraints.new constraints.txt && git diff --stat constraints.txt

clean:
	rm -rf $(VENV) _proc _docs _site build dist demo *.egg-info nbs/nbdev.yml nbs/sidebar.yml
