"""Two processes under torchrun end as one with the same global batch, and as two of which none was killed"""
import json, os, subprocess, sys
from genrec.core.checkpoint import load_checkpoint

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

KILLED = '''
import json, os, signal, sys, torch
from pathlib import Path
from torch import nn
from genrec.core.describe import weights_digest
from genrec.core.optim import cosine
from genrec.core.train import fit
class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 8), nn.Dropout(.3), nn.Linear(8, 1))
    def loss(self, x): return (self.layers(x)[:, 0]-x.sum(1)).square().mean()
def schedule(step, steps, warmup):
    now = f"{os.environ['RANK']} {step}"
    os.write(1, f'step {now}\\n'.encode()) # in one piece: two processes share the pipe
    if os.environ.get('DIES')==now: os.kill(os.getpid(), signal.SIGKILL)
    return cosine(step, steps, warmup)
torch.manual_seed(0)
x, m, folder = torch.randn(66, 4), Tiny(), Path(sys.argv[1])
fit(m, x, epochs=3, batch_size=8, schedule=schedule, save_every=2, checkpoint=folder/'fit.safetensors',
    evaluate=lambda m: {'loss': float(m.loss(x))}, metric='-loss')
made = dict(weights=weights_digest(m), losses=m.fit_log.losses, metrics=m.fit_log.metrics)
(folder/f"made-{os.environ['RANK']}").write_text(json.dumps(made))
''' # 9 steps an epoch, the last of two samples
TORCHRUN = '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2'
BOUND = 90 # seconds until a start counts as hung

def started(launcher, script, folder, dies=''):
    "Run a script to its end, and that of all its processes: (exit code, what it printed, errors)"
    own = dict(IN_TEST='1', OMP_NUM_THREADS='1', ACCELERATE_USE_CPU='1', DIES=dies)
    process = subprocess.Popen([sys.executable, *launcher, str(script), str(folder)], env=os.environ | own,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        said, errors = process.communicate(timeout=BOUND) # until no process holds its ends
    except subprocess.TimeoutExpired:
        process.terminate() # torchrun ends its own
        raise
    return process.returncode, said, errors

def both(tmp_path):
    "What one process and two processes made"
    script = tmp_path/'both.py'
    script.write_text(SCRIPT)
    made = []
    for name, launcher in (('one', ()), ('two', TORCHRUN)):
        code, _, errors = started(launcher, script, tmp_path/name)
        assert code==0, errors
        made.append(json.loads((tmp_path/name).read_text()))
    return made

def two(folder, dies=''):
    "Two processes train, and one dies at a step where `dies` says 'rank step': (exit code, steps they began with)"
    folder.mkdir(exist_ok=True)
    script = folder.parent/'killed.py' # one file: its name is a part of what a checkpoint remembers
    script.write_text(KILLED)
    code, said, errors = started(TORCHRUN, script, folder, dies)
    assert (code!=0)==bool(dies), (code, said, errors)
    begun = [line.split()[1:] for line in said.splitlines() if line.startswith('step ')]
    assert not dies or dies.split() in begun, (said, errors)
    return [min(int(step) for of, step in begun if of==rank) for rank in '01']

def made(folder):
    "Weights, losses and measurements of both processes, where they came to their end"
    return [json.loads(path.read_text()) for path in sorted(folder.glob('made-*'))]

def test_a_training_that_is_killed_on_either_rank_goes_on(tmp_path):
    whole, killed = tmp_path/'whole', tmp_path/'killed'
    assert two(whole)==[0, 0] and len(made(whole))==2
    for began, dies, kept in ((0, '1 5', 4), (4, '0 13', 12)): # in the first epoch, and in the second
        assert two(killed, dies)==[began, began] and not made(killed)
        assert load_checkpoint(killed/'fit.safetensors')[1]['step']==kept
    assert two(killed)==[12, 12]
    assert made(killed)==made(whole), (made(killed), made(whole))
    a, b = made(whole)
    assert a['weights']==b['weights']

def test_a_t5_under_torchrun(tmp_path):
    one, two = both(tmp_path)
    for optimizer in one:
        a, b = one[optimizer], two[optimizer]
        assert len(a['losses'])==2 and a['losses'][1]['loss']<a['losses'][0]['loss']
        for x, y in zip(a['losses'], b['losses']):
            for name in x:
                assert abs(y[name]-x[name])<1e-5, (optimizer, name, x[name], y[name])
        assert abs(b['weights']/a['weights']-1)<1e-5, (optimizer, a['weights'], b['weights'])
