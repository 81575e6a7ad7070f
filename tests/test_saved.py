"""Every recommender as a folder and back; weights under another index; slips at the keyboard"""
import copy, json, warnings
import torch
from fastcore.test import test_eq as equal, expect_fail
from safetensors.torch import load_file, save_file
from genrec.core.values import Embeddings, Histories, Samples, SemanticIds, set_seed
from genrec.core.train import fit
from genrec.recommend.bert4rec import BERT4Rec
from genrec.recommend.causal import CausalRecommender
from genrec.recommend.counts import FollowersAndContent
from genrec.recommend.fdsa import FDSA
from genrec.recommend.features import ContentRec, GRU4RecF, SASRecF
from genrec.recommend.fmlp import FMLPRec
from genrec.recommend.gru4rec import GRU4Rec
from genrec.recommend.itemknn import ItemKNN
from genrec.recommend.markov import Markov
from genrec.recommend.missrec import MISSRec
from genrec.recommend.nova import NOVA
from genrec.recommend.parallel import ParallelRecommender
from genrec.recommend.popular import Popular
from genrec.recommend.s3rec import S3Rec, S3RecPretraining
from genrec.recommend.sasrec import SASRec
from genrec.recommend.semantic_knn import SemanticKNN
from genrec.recommend.similarity import SimilarityT5
from genrec.recommend.t5 import T5Config, T5Recommender
from genrec.recommend.text_knn import TextKNN
from genrec.recommend.tgh import TGH_2, TransitionRings
from genrec.recommend.unisrec import UniSRec
from genrec.recommend.vqrec import VQRec, rematch, settle
from genrec.systems.letter import RankingT5

N = 12
T5 = dict(d_model=16, d_ff=16, d_kv=8, n_heads=2, n_layers=1)
HISTORIES = [[1,2,3], [4], [0,11,5,5,7]]

def content(seed=0, dim=6, n=N):
    "Contents of which two are missing"
    g = torch.Generator().manual_seed(seed)
    missing = torch.zeros(n, dtype=torch.bool)
    missing[[2,5]] = True
    return Embeddings(torch.randn(n, dim, generator=g), 'made up', missing=missing)

def ids(seed=0, sizes=(3,4)):
    "An index without collisions"
    every = torch.cartesian_prod(*[torch.arange(K) for K in sizes])
    return SemanticIds(every[torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))], sizes)

def samples():
    "Training samples of 20 users"
    g = torch.Generator().manual_seed(1)
    rows = Histories.of([torch.randint(N, (1+u%6,), generator=g).tolist() for u in range(20)])
    return Samples(torch.arange(20), rows, torch.randint(N, (20,), generator=g))

def two(seed=0): return dict(text=content(seed), image=content(seed+7, 5))
def parts(seed=0): return dict(text=ids(seed), image=ids(seed+7))

MADE = { # name -> a recommender; `seed` is that of its index and contents
    'Popular': lambda seed: Popular(N).fit(samples()),
    'Markov': lambda seed: Markov(N, order=2, shrink=1.).fit(samples()),
    'ItemKNN': lambda seed: ItemKNN(N, k=3, decay=.5).fit(samples()),
    'SemanticKNN': lambda seed: SemanticKNN(content(seed), by='mean'),
    'FollowersAndContent': lambda seed: FollowersAndContent(N, content(0), decay=.5).fit(samples()),
    'TransitionRings': lambda seed: TransitionRings(N, content(0), budgets=TGH_2).fit(samples()),
    'TextKNN': lambda seed: TextKNN(N, content(0), decay=.5),
    'SASRec': lambda seed: SASRec(N, dim=16, loss='gbce', n_negatives=3),
    'GRU4Rec': lambda seed: GRU4Rec(N, 16, hidden=8, n_layers=2),
    'BERT4Rec': lambda seed: BERT4Rec(N, 16, max_history=7, head=False),
    'FMLPRec': lambda seed: FMLPRec(N, 16),
    'S3Rec': lambda seed: S3Rec(N, dim=16),
    'SASRecF': lambda seed: SASRecF(N, content(seed), 16, n_layers=1),
    'GRU4RecF': lambda seed: GRU4RecF(N, content(seed), 16),
    'ContentRec': lambda seed: ContentRec(N, 16, temperature=.2),
    'FDSA': lambda seed: FDSA(N, two(seed), 16),
    'NOVA': lambda seed: NOVA(N, content(seed), 16, fuse='concat'),
    'UniSRec': lambda seed: UniSRec(N, content(seed), 16, n_experts=2),
    'UniSRec of IDs': lambda seed: UniSRec(N, two(seed), 16, n_experts=2, transductive=True),
    'VQRec': lambda seed: VQRec(ids(seed), 16),
    'MISSRec': lambda seed: MISSRec(N, two(seed), 16, n_interests=4, fusion='item'),
    'CausalRecommender': lambda seed: CausalRecommender(ids(seed), dim=16, d_ff=16, d_decoder=8, item_vectors=True),
    'ParallelRecommender': lambda seed: ParallelRecommender(ids(seed), dim=16, d_ff=16, n_heads=2, n_edges=3),
    'T5Recommender': lambda seed: T5Recommender(ids(seed), T5Config(**T5, recency=False), max_history=9),
    'T5 of tuples': lambda seed: T5Recommender(parts(seed), **T5, legal=True, tuple_vectors=True, item_vectors=True),
    'T5 untied': lambda seed: T5Recommender(ids(seed), **T5, tie=False),
    'SimilarityT5': lambda seed: SimilarityT5(ids(seed), content(seed), **T5|dict(n_layers=2), shared_table=True),
    'RankingT5': lambda seed: RankingT5(ids(seed), temperature=.5, **T5),
}
UNTRAINED = ('Popular', 'Markov', 'ItemKNN', 'SemanticKNN', 'FollowersAndContent', 'TransitionRings', 'TextKNN')

def made(name, seed=0, chance=0):
    "A recommender whose weights are away from where they start"
    set_seed(chance)
    m = MADE[name](seed)
    with torch.no_grad():
        for p in m.parameters():
            p.add_(torch.randn_like(p)*.1)
    return m.eval()

def same_answers(a, b):
    "Assert that two models give the same, to the bit"
    x,y = a.recommend(HISTORIES, k=N),b.recommend(HISTORIES, k=N)
    equal(x.items.tolist(), y.items.tolist())
    equal(x.scores.tolist(), y.scores.tolist())

def test_folder_and_back(tmp_path):
    for name in MADE:
        m = made(name)
        m.save_pretrained(tmp_path/name)
        back = type(m).from_pretrained(tmp_path/name)
        equal((back.n_items, back.training), (m.n_items, False))
        same_answers(back, m)
        equal(list(back.state_dict()), list(m.state_dict()))
        back.save_pretrained(tmp_path/f'{name} again') # what came back can be saved
        same_answers(type(m).from_pretrained(tmp_path/f'{name} again'), m)

def test_trained_model_comes_back(tmp_path):
    m = BERT4Rec(N, 16)
    fit(m, m.training_data(samples()), epochs=2, batch_size=8)
    m.save_pretrained(tmp_path)
    back = BERT4Rec.from_pretrained(tmp_path)
    equal(back.read_length, 6) # the longest history of its training
    same_answers(back, m)

def test_half_precision_comes_back(tmp_path):
    m = made('SASRec').to(torch.bfloat16)
    m.save_pretrained(tmp_path)
    back = SASRec.from_pretrained(tmp_path)
    equal(back.item.weight.dtype, torch.bfloat16)
    same_answers(back, m)

def test_added_items_come_along(tmp_path):
    for name in ('T5Recommender', 'T5 of tuples', 'SimilarityT5'):
        m = made(name)
        more = {part: SemanticIds(s.codes[:2], s.sizes) for part,s in parts().items()}
        if name=='SimilarityT5':
            m.add(SemanticIds(ids().codes[:2], ids().sizes), torch.randn(2, 6))
        else:
            m.add(more if name=='T5 of tuples' else more['text'])
        m.save_pretrained(tmp_path/name)
        back = type(m).from_pretrained(tmp_path/name)
        equal((back.n_items, back.trie.n_items), (N+2, N+2))
        same_answers(back, m)

def test_changed_settings_come_along(tmp_path):
    m = made('ItemKNN')
    m.decay,m.max_history = .25,2
    m.save_pretrained(tmp_path)
    back = ItemKNN.from_pretrained(tmp_path)
    equal((back.decay, back.max_history), (.25,2))

def test_another_class_and_broken_files(tmp_path):
    made('BERT4Rec').save_pretrained(tmp_path)
    with expect_fail(ValueError, contains='holds a BERT4Rec, no SASRec: `BERT4Rec.from_pretrained` reads it'):
        SASRec.from_pretrained(tmp_path)
    BERT4Rec.from_pretrained(tmp_path) # as it says
    path = tmp_path/'config.json'
    said = json.loads(path.read_text())
    for key,value in (('dim', 17), ('n_items', 13), ('dim', 'wide'), ('fuse', 1), ('n_heads', 3)):
        broken = copy.deepcopy(said)
        broken['recommender']['arguments'][key] = value
        path.write_text(json.dumps(broken))
        with expect_fail(ValueError, contains='damaged or not the one'): BERT4Rec.from_pretrained(tmp_path)
        weights = tmp_path/'model.safetensors'
        save_file(load_file(weights), weights) # without a seal
        with warnings.catch_warnings(), expect_fail(ValueError, contains='do not make a BERT4Rec together'):
            warnings.simplefilter('ignore')
            BERT4Rec.from_pretrained(tmp_path)
        made('BERT4Rec').save_pretrained(tmp_path)

def test_re_matched_codes_are_settled_first(tmp_path):
    m = rematch(made('VQRec'))
    with expect_fail(ValueError, contains='call `settle` before you save'): m.save_pretrained(tmp_path)
    settle(m).save_pretrained(tmp_path) # as it says
    same_answers(VQRec.from_pretrained(tmp_path), m)

def test_weights_of_another_index_are_refused_or_bring_all_along():
    for name in MADE:
        a,b = made(name, seed=0),made(name, seed=3, chance=1)
        before = b.recommend(HISTORIES, k=N)
        if hasattr(a, 'codes'):
            with expect_fail(ValueError, contains='of 12 items have another ID'): b.load_state_dict(a.state_dict())
            after = b.recommend(HISTORIES, k=N)
            equal((after.items.tolist(), after.scores.tolist()), (before.items.tolist(), before.scores.tolist()))
            b = made(name, seed=0, chance=1) # as it says: with the IDs that they were trained with
        b.load_state_dict(a.state_dict())
        same_answers(a, b)

def test_weights_of_another_index_inside_another_module():
    wrap = torch.nn.ModuleDict(dict(inner=made('T5Recommender', seed=3)))
    with expect_fail(ValueError, contains='have another ID'):
        wrap.load_state_dict({f'inner.{k}': v for k,v in made('T5Recommender').state_dict().items()})

def test_checkpoints_of_another_index_are_refused(tmp_path):
    for name in ('T5Recommender', 'T5 of tuples', 'SimilarityT5', 'RankingT5', 'VQRec', 'ParallelRecommender'):
        def train(seed):
            m = made(name, seed)
            return fit(m, m.training_data(samples()), epochs=1, checkpoint=tmp_path/f'{name}.safetensors')
        same_answers(train(0), train(0))
        with expect_fail(ValueError, contains='safetensors'): train(3)

def test_slips_at_the_keyboard():
    named,one = 'histories are lists of item numbers','one history alone is a list in a list'
    for name in MADE:
        m = made(name)
        for wrong in ([0,1], torch.tensor([0,1]), [['B001']], ['B001'], 'B001', [[1.5]], [[None]], None, 3, {'u': [1]}):
            with expect_fail(ValueError, contains=named): m.recommend(wrong, k=2)
        with expect_fail(ValueError, contains=one): m.recommend([0,1], k=2)
        for k in (-1, 2.5, '3', None):
            with expect_fail(ValueError, contains='`k` is a whole number'): m.recommend([[1]], k=k)
        with expect_fail(ValueError, contains='unknown item 12'): m.recommend([[1,12]], k=2)
        with expect_fail(ValueError, contains='-1 is no item'): m.recommend([[1,-1]], k=2)
        with expect_fail(ValueError, contains='samples.history'): m.recommend(samples(), k=2)
        equal(m.recommend([[1]], k=N+3).items[0,-3:].tolist(), [-1]*3)
        equal(m.recommend((h for h in HISTORIES), k=2).items.tolist(), m.recommend(HISTORIES, k=2).items.tolist())
        equal(m.recommend(torch.tensor([[0,1],[2,3]]), k=2).items.shape, (2,2))
        if name in ('Popular', 'Markov'):
            equal(m.recommend([[]], k=2).items.shape, (1,2))
        else:
            with expect_fail(ValueError, contains='ask `Popular`'): m.recommend([[1],[]], k=2)

def test_half_precision_answers_or_says_what_to_do():
    for name in MADE:
        for dtype in (torch.float16, torch.bfloat16):
            m = made(name).to(dtype)
            try:
                m.recommend(HISTORIES, k=3)
            except ValueError as e:
                assert 'call `model.float()`' in str(e), f'{name}: {e}'
                m.float().recommend(HISTORIES, k=3) # as it says
