"""A T5 trained by two processes under torchrun has the losses and the weights of one process with the same global batch"""
import json, os, subprocess, sys

SCRIPT = '''
import json, os, sys, torch
from genrec.core import set_seed
from genrec.data.toy import toy_shop
from genrec.data.split import leave_one_out
from genrec.core import SemanticIds
from genrec.train import fit
from genrec.optim import adamw, muon
from genrec.recommend.t5 import T5Recommender
toy = toy_shop(60, images=False)
split = leave_one_out(toy.log)
n = toy.log.n_items
i = torch.arange(n)
sids = SemanticIds(torch.stack([toy.kind, toy.style, i], 1), (int(toy.kind.max())+1, int(toy.style.max())+1, n))
out = {}
for name, optimizer in (('adamw', adamw), ('muon', muon)):
    set_seed(0)
    m = T5Recommender(sids, d_model=16, d_ff=32, d_kv=8, n_heads=2, n_layers=1, dropout=0.)
    fit(m, split.train[:150], epochs=2, batch_size=31, micro_cells=64, optimizer=optimizer, clip=1.)
    out[name] = dict(losses=[{k: float(v) for k, v in l.items()} for l in m.fit_log.losses], weights=float(sum(p.double().abs().sum() for p in m.parameters())))
if os.environ.get('RANK', '0')=='0': open(sys.argv[1], 'w').write(json.dumps(out))
'''

def both(tmp_path):
    script = tmp_path/'both.py'; script.write_text(SCRIPT)
    env = {**os.environ, 'IN_TEST': '1', 'OMP_NUM_THREADS': '1', 'ACCELERATE_USE_CPU': '1'}
    out = []
    for name, way in (('one', []), ('two', ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2'])):
        p = subprocess.run([sys.executable, *way, str(script), str(tmp_path/name)], capture_output=True, text=True, env=env)
        assert p.returncode==0, p.stderr
        out.append(json.loads((tmp_path/name).read_text()))
    return out

def test_a_t5_under_torchrun(tmp_path):
    one, two = both(tmp_path)
    for optimizer in one:
        a, b = one[optimizer], two[optimizer]
        assert len(a['losses'])==2 and a['losses'][1]['loss']<a['losses'][0]['loss']
        for x, y in zip(a['losses'], b['losses']):
            for k in x: assert abs(y[k]-x[k])<1e-5, (optimizer, k, x[k], y[k])
        assert abs(b['weights']/a['weights']-1)<1e-5, (optimizer, a['weights'], b['weights'])
