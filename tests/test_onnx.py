"""ONNX files of causal recommenders against PyTorch; skipped where onnxruntime is not installed

Each graph takes seconds to export, so those of T5 are in a file of their own."""
import os, sys, unittest
from pathlib import Path
import torch
from fastcore.test import expect_fail
from genrec.core.values import SemanticIds, set_seed
from genrec.recommend.causal import CausalRecommender
sys.path.insert(0, str(Path(__file__).resolve().parent))
from onnx_lists import CAUSAL, check_lists, ids, spread, wanted_or_skip

def test_a_skip_says_why():
    "And where CI has installed the extra, nothing is skipped"
    def nothing(name): return None
    before = os.environ.pop('GENREC_ONNX', None)
    try:
        with expect_fail(unittest.SkipTest, contains="onnxruntime not installed: pip install 'genrec[onnx]'"):
            wanted_or_skip(nothing)
        os.environ['GENREC_ONNX'] = '1'
        with expect_fail(AssertionError, contains='GENREC_ONNX is set, and onnx,'): wanted_or_skip(nothing)
        wanted_or_skip(lambda name: name)
    finally:
        os.environ.pop('GENREC_ONNX', None)
        if before is not None:
            os.environ['GENREC_ONNX'] = before

def test_causal_settings():
    "Another decoder, untied and legal scores; biases of distance, vectors of items and contents"
    set_seed(0)
    check_lists(spread(CausalRecommender(ids(0, 8, 9), **CAUSAL, decoder='block', tie=False, legal=True)))
    more = dict(recency=True, item_vectors=True, content=torch.randn(60, 4))
    check_lists(spread(CausalRecommender(ids(0, 8, 9), **CAUSAL, **more)))

def test_grown():
    "New items are read and reached"
    set_seed(0)
    m = spread(CausalRecommender(ids(0, 8, 9), **CAUSAL))
    m.add(SemanticIds(torch.tensor([[7,8],[0,5]]), (8,9)))
    check_lists(m, k=62)
