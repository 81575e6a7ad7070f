"""Trackers of Accelerate: what `fit` tells them is what its log says, without any network"""
import contextlib, importlib.util, os, time
from pathlib import Path
from unittest import SkipTest, mock
import torch
from torch import nn
from genrec.core.train import fit
from genrec.core.values import set_seed

class Line(nn.Module):
    "Learns a slope"
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(1, 1)

    def loss(self, batch): return (self.lin(batch[:,:1])-batch[:,1:]).pow(2).mean()

def needs(name):
    "Skip where a package is not installed"
    if importlib.util.find_spec(name) is None: raise SkipTest(f'{name} is not installed')

def trained(folder, data=lambda x: x, **how):
    "Two epochs of four steps, with a measurement after each"
    set_seed(0)
    x = data(torch.randn(64, 2))
    settings = dict(epochs=2, batch_size=16, lr=.1, checkpoint=Path(folder)/'fit.safetensors') | how
    return fit(Line(), x, evaluate=lambda model: {'ndcg@10': .5}, **settings)

def tensorboard_rows(folder):
    "Name -> [(step, value)] in the event files below a folder"
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    rows = {}
    for place in sorted({path.parent for path in Path(folder).rglob('events.out.tfevents.*')}):
        read = EventAccumulator(str(place)).Reload()
        for tag in read.Tags()['scalars']:
            rows.setdefault(tag, []).extend((event.step, event.value) for event in read.Scalars(tag))
    return rows

def test_tensorboard_has_every_epoch(tmp_path):
    needs('tensorboard')
    model = trained(tmp_path, trackers='tensorboard')
    rows = tensorboard_rows(tmp_path)
    assert [step for step, _ in rows['loss']]==[4, 8], rows
    for (_, told), own in zip(rows['loss'], model.fit_log.losses):
        assert abs(told-own['loss'])<1e-6
    assert [value for _, value in rows['ndcg@10']]==[.5, .5]

def test_a_tracker_changes_no_weight(tmp_path):
    needs('tensorboard')
    alone = trained(tmp_path/'a').lin.weight.item()
    assert trained(tmp_path/'b', trackers='tensorboard').lin.weight.item()==alone

class Stopped(torch.utils.data.Dataset):
    "Rows that somebody stops at some batch"
    at, seen = None, 0
    def __init__(self, x):
        self.x = x

    def __len__(self): return len(self.x)

    def __getitem__(self, rows):
        Stopped.seen += 1
        if Stopped.seen==Stopped.at: raise KeyboardInterrupt
        return self.x[rows]

def test_a_training_that_goes_on_tells_the_rest(tmp_path):
    needs('tensorboard')
    Stopped.at = 6 # in the second epoch
    with contextlib.suppress(KeyboardInterrupt):
        trained(tmp_path, trackers='tensorboard', data=Stopped)
    assert [step for step, _ in tensorboard_rows(tmp_path)['loss']]==[4]
    Stopped.at = None
    trained(tmp_path, trackers='tensorboard', data=Stopped)
    assert [step for step, _ in tensorboard_rows(tmp_path)['loss']]==[4, 8]

def test_wandb_offline_asks_for_nothing(tmp_path):
    needs('wandb')
    here = dict(WANDB_MODE='offline', WANDB_DIR=str(tmp_path), WANDB_SILENT='true', WANDB_DATA_DIR=str(tmp_path),
                WANDB_CACHE_DIR=str(tmp_path), WANDB_CONFIG_DIR=str(tmp_path))
    with mock.patch.dict(os.environ, here):
        trained(tmp_path, trackers='wandb')
    files = [path for path in tmp_path.rglob('*.wandb')]
    assert len(files)==1, files
    wanted, end = (b'loss', b'ndcg@10', b'batch_size'), time.time()+20
    while not all(word in files[0].read_bytes() for word in wanted): # a process of its own writes it
        assert time.time()<end, files[0].read_bytes()
        time.sleep(.1)

def test_a_tracker_that_is_not_there_is_named(tmp_path):
    try:
        trained(tmp_path, trackers='no_such_tracker')
    except ValueError as error:
        assert 'no_such_tracker' in str(error)
        return
    raise AssertionError('an unknown tracker was taken')

def test_a_tracker_that_is_not_installed_is_named(tmp_path):
    absent = [name for name in ('wandb', 'comet_ml', 'aim', 'mlflow') if importlib.util.find_spec(name) is None]
    if not absent: raise SkipTest('every tracker is installed')
    missing = absent[0]
    try:
        trained(tmp_path, trackers=missing)
    except (ValueError, ImportError) as error:
        assert missing in str(error) and 'pip install' in str(error), error
        assert not (tmp_path/'fit.safetensors').exists()
        return
    raise AssertionError(f'{missing} is not installed, and nothing was said')
