"""ONNX files of T5 recommenders, and of several codes, against PyTorch; skipped where onnxruntime is not installed"""
import sys
from pathlib import Path
from genrec.core.values import set_seed
from genrec.recommend.causal import CausalRecommender
from genrec.recommend.t5 import T5Recommender
sys.path.insert(0, str(Path(__file__).resolve().parent))
from onnx_lists import CAUSAL, T5, check_lists, ids, spread

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
