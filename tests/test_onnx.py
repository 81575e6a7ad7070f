"""ONNX files against PyTorch: lists of models of many settings; skipped where onnxruntime is not installed"""
import tempfile, unittest
from importlib.util import find_spec
import numpy as np
import torch
from genrec.core.values import SemanticIds, set_seed
from genrec.recommend.causal import CausalRecommender
from genrec.recommend.t5 import T5Recommender
from genrec.recommend.onnx_serve import OnnxRecommender
from genrec.recommend.onnx_step import save_onnx

HISTORIES = [[3,1,4],[15],[9,2,6,5,35,8,9],[1,2],[59,58]]
CAUSAL = dict(dim=16, d_ff=32, d_decoder=32, max_history=5)
T5 = dict(d_model=16, d_ff=32, d_kv=8, n_heads=2, n_layers=1, max_history=5)

def ids(seed, *sizes):
    g = torch.Generator().manual_seed(seed)
    return SemanticIds(torch.stack([torch.randint(0, K, (60,), generator=g) for K in sizes], 1), sizes)

def spread(m):
    "A model with scores that differ"
    for p in m.parameters():
        torch.nn.init.normal_(p, std=.3)
    return m.eval()

def check_lists(m, k=10, users=None):
    "Assert that onnxruntime gives the lists of PyTorch"
    missing = [name for name in ('onnx','onnxscript','onnxruntime') if find_spec(name) is None]
    if missing: raise unittest.SkipTest(f"{', '.join(missing)} not installed: pip install 'genrec[onnx]'")
    with tempfile.TemporaryDirectory() as folder:
        there = OnnxRecommender(save_onnx(m, folder))
        items,scores = there.recommend(HISTORIES, k=k, users=users, block=3)
        one = there.recommend(HISTORIES[:1], k=k, users=None if users is None else users[:1])
    ours = m.recommend(HISTORIES, k=k, **({} if users is None else dict(users=torch.tensor(users))))
    assert items.tolist()==ours.items.tolist()
    there = ours.scores.isfinite().numpy()
    assert np.allclose(scores[there], ours.scores.numpy()[there], atol=1e-4)
    assert one[0].tolist()==items[:1].tolist()

def test_causal_settings():
    "Another decoder, untied and legal scores; biases of distance, vectors of items and contents"
    set_seed(0)
    check_lists(spread(CausalRecommender(ids(0, 8, 9), **CAUSAL, decoder='block', tie=False, legal=True)))
    more = dict(recency=True, item_vectors=True, content=torch.randn(60, 4))
    check_lists(spread(CausalRecommender(ids(0, 8, 9), **CAUSAL, **more)))

def test_t5_settings():
    "No recency, no end token, untied and legal scores; user tokens and vectors of items"
    set_seed(0)
    bare = dict(recency=False, end_token=False, tie=False, legal=True)
    check_lists(spread(T5Recommender(ids(0, 8, 9), **T5, **bare)))
    check_lists(spread(T5Recommender(ids(0, 8, 9), **T5, item_vectors=True, n_user_tokens=3)), users=[0,1,2,3,4])

def test_several_codes():
    "Two IDs side by side"
    both = dict(text=ids(0, 4, 5), image=ids(1, 3, 6))
    for kind,sizes in ((CausalRecommender, CAUSAL), (T5Recommender, T5)):
        set_seed(0)
        check_lists(spread(kind(both, **sizes)))

def test_grown():
    "New items are read and reached"
    set_seed(0)
    m = spread(CausalRecommender(ids(0, 8, 9), **CAUSAL))
    m.add(SemanticIds(torch.tensor([[7,8],[0,5]]), (8,9)))
    check_lists(m, k=62)
