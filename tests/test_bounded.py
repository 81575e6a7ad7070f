"""Bounded clusters of vectors almost equally far from all centres: by rounding, paths once grew cheaper for ever"""
import torch
from genrec.core.values import Embeddings, set_seed
from genrec.study.settings import letter_like
from genrec.systems.letter import letter_tokenizer

def test_no_path_grows_cheaper_by_rounding():
    noise = torch.randn(637, 384, generator=torch.Generator().manual_seed(0))
    set_seed(0)
    tokenizer = letter_tokenizer(384, letter_like()).fit_kmeans(Embeddings(noise, 'noise'), seed=0)
    codes = tokenizer.encode(noise)
    assert codes.shape[0]==637 and len(codes[:, 0].unique())>100, codes.shape
