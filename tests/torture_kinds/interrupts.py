"""KeyboardInterrupt and SIGTERM in one process; `fit` again on the same model"""
import copy, signal, sys
from .common import MODELS, Broken, new_model, outcome, run, train, trained

def _interrupted(name, checkpoint, when, how):
    "(outcome after `fit` again, that of a copy which never was in the interrupted training, whether it was interrupted)"
    model = new_model(name)
    def stop(*_):
        if how=='terminate':
            sys.exit(143)
        raise KeyboardInterrupt
    signal.signal(signal.SIGALRM, stop)
    loss,count = model.loss,[0]
    def counted(batch):
        count[0] += 1
        if how=='in loss' and count[0]==when:
            raise KeyboardInterrupt
        out = loss(batch)
        if how=='after loss' and count[0]==when:
            whole = out['loss'] if isinstance(out, dict) else out
            whole.backward(retain_graph=True) # a backward pass of which the end is not seen
            raise KeyboardInterrupt
        if how in ('clock','terminate') and count[0]==when:
            signal.setitimer(signal.ITIMER_REAL, .0005)
        return out
    model.loss = counted
    stopped = False
    try:
        train(name, model, checkpoint)
    except (KeyboardInterrupt, SystemExit):
        stopped = True
    signal.setitimer(signal.ITIMER_REAL, 0)
    del model.loss
    other = None
    if checkpoint is None:
        other = new_model(name, seed=9)
        other.load_state_dict(copy.deepcopy(model.state_dict()))
        other = outcome(train(name, other))
    return outcome(train(name, model, checkpoint)), other, stopped

def case(rng, folder):
    name,how = rng.choice(list(MODELS)),rng.choice(('in loss','after loss','clock','terminate'))
    checkpoint = folder/'fit.safetensors' if rng.random()<.6 else None
    when = rng.randint(1, 14)
    said = f"{name} interrupted at step {when} ({how}), {'with' if checkpoint else 'without'} a checkpoint"
    again,copied,stopped = run(_interrupted, name, checkpoint, when, how)
    if checkpoint and again!=run(trained, name)[0]:
        raise Broken(f"{said}: `fit` again on the same model gives other weights")
    whole = run(trained, name)[0] if not checkpoint else None
    if not checkpoint and stopped and again not in (copied, whole):
        raise Broken(f"{said}: the model holds more than its weights, such as gradients")
    return said
