"""What tests of ONNX files share: small models, and the comparison of lists; skipped where the extra is not installed

`GENREC_ONNX=1` says that it has to be there, as it is in `.ci/run`: what is missing is then a failure and no skip."""
import os, tempfile, unittest
from importlib.util import find_spec
import numpy as np
import torch
from genrec.core.values import SemanticIds
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

def wanted_or_skip(find=find_spec):
    "Skip where the extra is not installed, and say what is missing; an error where it has to be there"
    missing = [name for name in ('onnx','onnxscript','onnxruntime') if find(name) is None]
    if not missing:
        return
    said = f"{', '.join(missing)} not installed: pip install 'genrec[onnx]'"
    if os.environ.get('GENREC_ONNX'): raise AssertionError(f'GENREC_ONNX is set, and {said}')
    raise unittest.SkipTest(said)

def check_lists(m, k=10, users=None):
    "Assert that onnxruntime gives the lists of PyTorch"
    wanted_or_skip()
    with tempfile.TemporaryDirectory() as folder:
        there = OnnxRecommender(save_onnx(m, folder))
        items,scores = there.recommend(HISTORIES, k=k, users=users, block=3)
        one = there.recommend(HISTORIES[:1], k=k, users=None if users is None else users[:1])
    ours = m.recommend(HISTORIES, k=k, **({} if users is None else dict(users=torch.tensor(users))))
    assert items.tolist()==ours.items.tolist()
    there = ours.scores.isfinite().numpy()
    assert np.allclose(scores[there], ours.scores.numpy()[there], atol=1e-4)
    assert one[0].tolist()==items[:1].tolist()

