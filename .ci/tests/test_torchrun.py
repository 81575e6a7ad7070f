"""A T5 trained by two processes under torchrun ends as one process with the same global batch: losses and weights"""
import json, os, subprocess, sys

SCRIPT = '''
import json, os, sys, torch
from genrec.core.values import set_seed
from genrec.data.toy import toy_shop
from genrec.data.split import leave_one_out
from genrec.core.values import SemanticIds
from genrec.core.train import fit
from genrec.core.optim import adamw, muon
from genrec.recommend.t5 import T5Recommender
toy = toy_shop(60, images=False)
split = leave_one_out(toy.log)
n = toy.log.n_items
sizes = (int(toy.kind.max())+1, int(toy.style.max())+1, n)
sids = SemanticIds(torch.stack([toy.kind, toy.style, torch.arange(n)], 1), sizes)
out = {}
for name, optimizer in (('adamw', adamw), ('muon', muon)):
    set_seed(0)
    m = T5Recommender(sids, d_model=16, d_ff=32, d_kv=8, n_heads=2, n_layers=1, dropout=0.)
    fit(m, split.train[:150], epochs=2, batch_size=31, micro_cells=64, optimizer=optimizer, clip=1.)
    losses = [{name: float(loss) for name, loss in epoch.items()} for epoch in m.fit_log.losses]
    out[name] = dict(losses=losses, weights=float(sum(p.double().abs().sum() for p in m.parameters())))
if os.environ.get('RANK', '0')=='0':
    open(sys.argv[1], 'w').write(json.dumps(out))
'''

def both(tmp_path):
    "What one process and two processes made"
    script = tmp_path/'both.py'
    script.write_text(SCRIPT)
    environment = {**os.environ, 'IN_TEST': '1', 'OMP_NUM_THREADS': '1', 'ACCELERATE_USE_CPU': '1'}
    torchrun = ['-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2']
    made = []
    for name, launcher in (('one', []), ('two', torchrun)):
        command = [sys.executable, *launcher, str(script), str(tmp_path/name)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode==0, done.stderr
        made.append(json.loads((tmp_path/name).read_text()))
    return made

def test_a_t5_under_torchrun(tmp_path):
    one, two = both(tmp_path)
    for optimizer in one:
        a, b = one[optimizer], two[optimizer]
        assert len(a['losses'])==2 and a['losses'][1]['loss']<a['losses'][0]['loss']
        for x, y in zip(a['losses'], b['losses']):
            for name in x:
                assert abs(y[name]-x[name])<1e-5, (optimizer, name, x[name], y[name])
        assert abs(b['weights']/a['weights']-1)<1e-5, (optimizer, a['weights'], b['weights'])
