"""`code_meaning` against a loop over pairs, on words and vectors of chance"""
import torch
import torch.nn.functional as F
from fastcore.test import test_close as close
from genrec.core.values import Embeddings, SemanticIds
from genrec.analyse.meaning import code_meaning
from genrec.codes.language import QuantitativeLanguage

def drawn(n=40, seed=0):
    "Words and vectors of chance: three domains, and items without words or content"
    g = torch.Generator().manual_seed(seed)
    wordless = torch.rand(n, generator=g)<.2
    vectors = Embeddings(torch.randn(n, 5, generator=g)+.5, missing=torch.rand(n, generator=g)<.1)
    domain = ['abc'[i] for i in torch.randint(3, (n,), generator=g).tolist()]
    ids = SemanticIds(torch.randint(4, (n,2), generator=g), (4,4))
    names = [f'{d}:{i}' for i,d in enumerate(domain)]
    return QuantitativeLanguage(names, dict(text=ids), dict(text=wordless)),vectors,domain

def slowly(lang, vectors, domain, *, level, prefix):
    "The figures, pair by pair; the target is domain b"
    unit,codes = F.normalize(vectors.x.double(), dim=1),lang.sids['text'].codes
    there = [i for i in range(len(lang)) if not (lang.missing['text'][i] or vectors.missing[i])]
    found,answered = dict(across=[], chance=[], source=[], source_chance=[]),set()
    first = 0 if prefix else level
    for i in there:
        for j in there:
            targets = [o for o in (i, j) if domain[o]=='b']
            if j>=i or len(targets)==2:
                continue
            alike,cosine = bool((codes[i,first:level+1]==codes[j,first:level+1]).all()),unit[i]@unit[j]
            found['chance' if targets else 'source_chance'].append(cosine)
            if alike:
                found['across' if targets else 'source'].append(cosine)
                answered.update(targets)
    n_targets = sum(domain[i]=='b' for i in there)
    return {k: torch.stack(v).mean().item() for k,v in found.items()}|dict(covered=len(answered)/n_targets)

def test_code_meaning_is_that_of_all_pairs():
    lang,vectors,domain = drawn()
    for prefix in (True, False):
        for level,got in enumerate(code_meaning(lang, vectors, 'b', prefix=prefix)):
            want = slowly(lang, vectors, domain, level=level, prefix=prefix)
            close([got[k] for k in want], list(want.values()), eps=1e-9)
