"""What rows of the study utgrec share is trained once: its trainings are counted"""
from unittest.mock import patch
import torch
from fastcore.test import test_eq as equal
from genrec.core.config import merged, vary
from genrec.core.record import load_runs
from genrec.core.values import set_seed
from genrec.recommend.unisrec import UniSRec
from genrec.study import utgrec as study
from genrec.study.runner import run_jobs
from genrec.study.settings import RECOMMENDER
from genrec.study.utgrec_data import toy_transfer, toy_world
from genrec.study.utgrec_rows import NETS, TOY_LIGHT, TransferScale, tuning_row

SHOPS = toy_transfer(toy_world(share=.5, n_users=40, n_kinds=3, n_styles=3))
NARROW = dict(sizes=(8,8,8), code_dim=8, encoder=dict(d_model=16), decoder=dict(d_model=16),
    losses=dict(bypass_steps=2))
TINY = dict(d_model=16, d_ff=16, d_kv=8, n_heads=2)
SCALE = TransferScale(
    rec=vary(RECOMMENDER, model=TINY, model_fit=dict(epochs=1, every=1, precision='no')),
    tokenizer=dict(ids=dict(sizes=(8,8), hidden=(16,)), ids_fit=dict(epochs=1)),
    utg=merged(TOY_LIGHT, dict(ids=NARROW, ids_fit=dict(epochs=3), tune_fit=dict(epochs=1))),
    nets=dict(NETS, epochs=2))

def counted(folder, systems, *groups, checkpoints=None):
    "Run some rows; calls of the tokenizer's training on the sources and on the target, and the runs"
    study._trained.clear()
    jobs = study.utgrec_jobs(SHOPS, SCALE, seeds=(0,), rows=groups, checkpoints=checkpoints)
    with patch.object(study, 'utg_tokenizer', wraps=study.utg_tokenizer) as on_sources, \
        patch.object(study, 'target_tokenizer', wraps=study.target_tokenizer) as on_target:
        run_jobs([job for job in jobs if job.system in systems], folder, say=lambda *_, **__: None)
    runs = {run.system: run for run in load_runs(folder)}
    equal(set(runs), set(systems))
    return on_sources.call_count,on_target.call_count,runs

def test_layers_of_the_recommender_share_codes(tmp_path):
    systems = 'utgrec','utgrec-recommender-not-pre-trained','utgrec-n_layers-2'
    sources,target,runs = counted(tmp_path, systems, 'ablations', 'sweep-layers')
    equal((sources, target, runs['utgrec-n_layers-2'].config['model']['n_layers']), (1, 1, 2))
    equal({kind: len(kept) for kind, kept in study._trained.items()}, dict(tokenizer=1, sources=2, tuned=1))

def test_ways_to_tune_share_a_tokenizer(tmp_path):
    names = '','tokenizer not tuned','anchored'
    systems = [tuning_row(name) for name in names]+[tuning_row(name, False) for name in names]
    sources,target,runs = counted(tmp_path, systems, 'keep')
    equal((sources, target), (1, 3))
    for name in names:
        with_it, without = runs[tuning_row(name)].metrics, runs[tuning_row(name, False)].metrics
        drifts = [figure for figure in with_it if figure.startswith('drift')]
        equal(len(drifts), 8)
        equal([with_it[figure] for figure in drifts], [without[figure] for figure in drifts])

def test_three_trainings_of_a_kind_are_kept():
    made = []
    study._trained.clear()
    def train(number):
        def make(file):
            made.append(number)
            return number
        return study.train_once('tokenizer', make, SHOPS, stages=(number,), seed=0)[0]
    equal([train(n) for n in (0, 1, 2, 0, 3, 1, 0)], [0, 1, 2, 0, 3, 1, 0])
    equal(made, [0, 1, 2, 3, 0]) # the oldest of three goes: 3 took the place of 0, which was made again
    study._trained.clear()

def test_checkpoints_have_names_of_their_own(tmp_path):
    files = []
    study._trained.clear()
    for kind, seed in (('tuned', 0), ('tuned', 1), ('sources', 0)):
        study.train_once(kind, files.append, SHOPS, stages=(), seed=seed, checkpoints=tmp_path)
    equal((len(set(files)), {file.parent for file in files}), (3, {tmp_path}))
    assert files[0].name.startswith('utgrec-tuned-')
    study._trained.clear()

def test_unisrec_starts_from_the_sources():
    carried = []
    def carry(source, target):
        carried.append((source.n_items, target.n_items, source.pos.weight.clone()))
        return plainly(source, target)
    plainly = study.transfer_weights
    with patch.object(study, 'transfer_weights', carry):
        study.run_without_codes('unisrec', SHOPS, pre_epochs=1, how=dict(NETS, epochs=1))
    equal(carried[0][:2], (54, 18))
    set_seed(0)
    UniSRec(18, SHOPS.target.text, dim=64)
    untrained = UniSRec(54, SHOPS.source.text, dim=64)
    assert not torch.equal(carried[0][2], untrained.pos.weight)
