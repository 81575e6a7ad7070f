# make demo [DATA=folder]   the workbench, from nothing to a leaderboard and an HTML page
# make test                 every notebook and script test; ends with `N passed, N failed`
# make test ANYWHERE=1      the same as other processors compute it, with two threads, and with all seeds moved by one (ANYWHERE="seeds moved" for one)
# make lab                  JupyterLab at the workbench (LAB="--no-browser --port=8899" passes options on)
# make docs                 the site: real Quarto where it is installed, else a pandoc preview
# make bench-data           the data path against pandas, Polars, DuckDB and plain loops on 10 M rows (ROWS=300000 for a small try)
# make bench-quantize       quantizers against faiss and the training loops of public scripts (SMALL=1 for a small try)
# make bench-train          T5 training against Hugging Face Trainer on padded prefixes (SAMPLES=4096 for a shorter run)
# make compare-codes BUDGET_MIN=30   quantizers, collision rules and one recommender on their codes: what is missing in runs/codes (LANE=0/2: one of two at once)
# make bench-decode         constrained decoding against Hugging Face `generate` and STATIC's scheme (SMALL=1 for a small try)
# make bench-bbqrec         BBQRec's attention beside plain and naive, its decoding beside TIGER's (SMALL=1 for a small try)
# make compare-bbqrec BUDGET_MIN=30   BBQRec on real data beside TIGER and LETTER: what is missing in runs/bbqrec (LANE=0/2, ABLATE=1, COLLISIONS=1, TIMES=4, DATA=folder)
# make compare-tiger BUDGET_MIN=30   TIGER's codes, layers, user tokens, invalid IDs, temperatures and unseen items: what is missing in runs/tiger_more (LANE=0/2, TIMES=4, DATA=folder)
# make compare-bbqrec-toy BUDGET_MIN=30   BBQRec in a made-up shop: what its codes keep, and its share of the best possible (LANE=0/2)
# make bench-utgrec         UTGRec's tokenizer: items per second of training and encoding, memory, the diffusion head's share (SMALL=1 for a small try)
# make compare-utgrec BUDGET_MIN=30   UTGRec with and without other shops, beside TIGER and LETTER: what is missing in runs/utgrec (LANE=0/2, ABLATE=1, KEEP=1, SWEEP="layers", DATA="toy pictures scientific ml100k")
# make compare BUDGET_MIN=9   every recommender on every dataset, each with the same small search: what is missing in runs/compare (LANE=0/2, DATA=folder)
# make bench-baselines      SASRec, GRU4Rec and BERT4Rec against RecBole on equal work (SMALL=1 for a small try)
# make compare-recbole      Popular, ItemKNN, SASRec, GRU4Rec, BERT4Rec, SASRec_F, GRU4Rec_F, FDSA and S3-Rec beside RecBole's with equal settings, three seeds each: what is missing in runs/recbole (DATA=folder)
# make compare-mql4grec BUDGET_MIN=30   MQL4GRec on real data beside TIGER and LETTER: what is missing in runs/mql4grec (LANE=0/2, ABLATE=1, DESCRIBE=1, WORDS=1)
# make compare-mql4grec-toy BUDGET_MIN=30   the same in made-up shops, where one knows what transfers
# make test-browser         the widgets under a person's hands: JupyterLab and the rendered pages in Chromium; ends with `N passed, N failed`
# make test-spark           the filters on a Spark backend give what they give on DuckDB; ends with `N passed, N failed` (needs Java 17 or newer)
# make notebooks            run every notebook and keep its outputs (NBS=nbs/31_quantize.rq.ipynb for one)
# make clean                remove what the others made, .venv too
SHELL := bash
VENV ?= .venv
export VENV PYTHON
export HF_HUB_OFFLINE ?= 1
run := PATH="$(abspath $(VENV))/bin:$$PATH"

.PHONY: help demo test lab docs bench-train bench-data bench-quantize bench-decode bench-bbqrec compare-codes compare-bbqrec compare-tiger compare-bbqrec-toy bench-utgrec compare bench-baselines compare-recbole compare-utgrec compare-mql4grec compare-mql4grec-toy test-browser test-spark notebooks constraints venv clean
help:
	@sed -n '/^# make/s/^# //p' Makefile

venv:
	@bash .ci/venv.sh

demo: venv
	@$(run) python .ci/demo.py $(if $(DATA),"$(DATA)")

test: venv
	@$(run) python .ci/test.py $(if $(ANYWHERE),$(if $(filter 1,$(ANYWHERE)),--anywhere,--setting "$(ANYWHERE)"))

lab: venv
	@$(run) env -u HF_HUB_OFFLINE jupyter lab --ServerApp.root_dir="$(CURDIR)" $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB) nbs/workbench.ipynb

docs: venv
	@$(run) python .ci/docs.py

bench-data: venv
	@bash .ci/extra.sh bench polars
	@$(run) python bench/data.py $(if $(ROWS),--rows $(ROWS))

bench-quantize: venv
	@bash .ci/extra.sh bench faiss
	@$(run) python bench/quantize.py $(if $(SMALL),--small)

compare-codes: venv
	@$(run) python bench/codes.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE)) $(if $(DATA),--data "$(DATA)")

bench-decode: venv
	@$(run) python bench/decode.py $(if $(SMALL),--small)

bench-bbqrec: venv
	@$(run) python bench/attention.py $(if $(SMALL),--small)

compare-bbqrec: venv
	@$(run) python bench/bbqrec.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE)) $(if $(ABLATE),--ablate) $(if $(COLLISIONS),--collisions) $(if $(TIMES),--times $(TIMES)) $(if $(DATA),--data "$(DATA)")

compare-tiger: venv
	@$(run) python bench/tiger.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE)) $(if $(TIMES),--times $(TIMES)) $(if $(DATA),--data "$(DATA)")

compare-bbqrec-toy: venv
	@$(run) python bench/bbqrec_toy.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE))

bench-train: venv
	@$(run) python bench/train.py $(if $(SMALL),--small) $(if $(SAMPLES),--samples $(SAMPLES))

bench-utgrec: venv
	@$(run) python bench/utgrec_speed.py $(if $(SMALL),--small)

compare-utgrec: venv
	@$(run) python bench/utgrec.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE)) $(if $(ABLATE),--ablate) $(if $(KEEP),--keep) $(if $(SWEEP),--sweep $(SWEEP)) $(if $(DATA),--data $(DATA))

compare: venv
	@$(run) python bench/compare.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE)) $(if $(DATA),--data "$(DATA)")

bench-baselines: venv
	@py=$$(bash .ci/recbole.sh) && $(run) python bench/baselines.py --recbole "$$py" $(if $(SMALL),--small)

compare-recbole: venv
	@py=$$(bash .ci/recbole.sh) && $(run) python bench/baselines.py --recbole "$$py" --quality $(if $(DATA),--data "$(DATA)")

compare-mql4grec: venv
	@$(run) python bench/mql4grec.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE)) $(if $(ABLATE),--ablate) $(if $(DESCRIBE),--describe) $(if $(WORDS),--words)

compare-mql4grec-toy: venv
	@$(run) python bench/mql4grec_toy.py $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN)) $(if $(LANE),--lane $(LANE))

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
