"A study is listed, planned and skipped without reading a text, and its keys are those that it has with vectors at hand"
import json, os
from contextlib import contextmanager
from unittest import mock
import torch
from genrec.core.values import Embeddings
from genrec.data.toy import toy_shop
from genrec.encode.text import TextEncoder
from genrec.study.command import STUDIES, find_study
from genrec.study.corpus import MINILM, StoredText, load_corpus
from genrec.study.plan import Options, plan_study, run_study, show_study, study_jobs

SHOPS = ('scientific_cgr', 'office14_apao', 'beauty14') # a target and its sources
MADE_UP = ('bbqrec_toy', 'mql4grec_toy') # studies without a folder

def write_shop(folder, seed):
    "A made-up shop in LC-Rec's layout"
    shop = toy_shop(n_users=80, n_kinds=4, n_styles=3, n_variants=2, length=(9, 12), images=False, seed=seed)
    log = shop.log
    rows = {}
    for user,item in zip(log.user.tolist(), log.item.tolist()):
        rows.setdefault(str(user), []).append(item)
    items = {}
    for number,text in enumerate(shop.catalog['text']):
        items[str(number)] = dict(title=text, description='', brand='', categories='a,b')
    folder.mkdir()
    (folder/'Shop.inter.json').write_text(json.dumps(rows))
    (folder/'Shop.item.json').write_text(json.dumps(items))

@contextmanager
def shops(folder):
    "Three shops, a cache of their own, and an encoder that must not be asked"
    for seed,name in enumerate(SHOPS):
        write_shop(folder/name, seed)
    def refuse(self): raise AssertionError('a text was read')
    with mock.patch.dict(os.environ, GENREC_CACHE=str(folder/'cache')), mock.patch.object(TextEncoder, 'load', refuse):
        yield folder/SHOPS[0]

def asked(folder, name):
    "Options of a study on the first shop"
    study = find_study(name)
    groups = tuple(group for group in study.rows if group!='mllm')
    return study,Options(data=(str(folder),), rows=groups, out=str(folder.parent/'runs'/name))

def at_once(self, catalog):
    "Vectors that are there at once, as they were before any was made later"
    return Embeddings(torch.zeros(len(catalog), self.dim), MINILM)

def keys_of(study, options):
    return [(job.name, job.key) for job in study_jobs(study, options)]

def test_no_text_is_read_before_a_job_runs(tmp_path):
    with shops(tmp_path) as folder:
        for name in [name for name in STUDIES if name not in MADE_UP]:
            study,options = asked(folder, name)
            said = []
            def say(line, **_): said.append(str(line))
            keys = keys_of(study, options)
            assert len(keys)>=10, name
            show_study(study, options, say=say)
            assert sum(line.endswith(' missing') for line in said)==len(keys), name
            plan_study(study, options, say=say)
            written,left = run_study(study, Options(**{**vars(options), 'budget_min': 0.}), say=say)
            assert (written, left)==(0, len(keys)), name
            with mock.patch.object(StoredText, 'later', at_once):
                assert keys_of(study, options)==keys, name

def test_a_job_reads_texts_when_it_runs(tmp_path):
    with shops(tmp_path) as folder:
        corpus = load_corpus(folder)
        assert corpus.about_text()==[MINILM, corpus.split.n_items, 384] and corpus.embs.made()==[]
        try:
            corpus.text
        except AssertionError as error:
            assert 'a text was read' in str(error)
        else:
            raise AssertionError('vectors were made without reading')

def test_vectors_are_what_run_files_say(tmp_path):
    "An encoder whose name or width is another one is refused before a run file says something wrong"
    with shops(tmp_path) as folder:
        other = Embeddings(torch.zeros(24, 5), 'another model')
        with mock.patch.object(StoredText, '__call__', lambda self, catalog: other):
            try:
                load_corpus(folder).text
            except ValueError as error:
                assert 'another model' in str(error) and MINILM in str(error)
            else:
                raise AssertionError('other vectors were taken')
