"""What UTGRec's tokenizer costs: items per second in training and in encoding, memory, and the diffusion head's share

    python bench/utgrec_speed.py [--small] [--only light mllm] [--mllm tiny|2b] [--device cuda] [--batch 256] [--items 16] [--repeat 2] [--out runs/bench/utgrec.json]

(light) `LightEncoder` over a text vector of 384 and 64 patches, 3 levels (256, 512, 512) of width 128, 64 words of a vocabulary of 8,000, 64 latents of 48 numbers, batches of 256 (64 on a CPU, where a step of 256 takes minutes): `whole`; `no_head` (the image decoder's layer without the diffusion network); `no_image`; `no_neighbour` (without the neighbour's content). A step is forward, backward and AdamW. Encoding is `vectors` and codes
(mllm) a random Qwen2-VL with LoRA of rank 8 over pictures and words, with and without gradient checkpointing; `--mllm 2b --device cuda` has the shape of Qwen2-VL-2B in bf16 (its weights change no timing). A step is a batch of `--batch` items (the paper's 256), `--items` of them at a time: gradients add up, then AdamW
Each way runs in a process of its own, ways take turns, the fastest of the repeats counts. The head's share is 1 - no_head / whole."""
import argparse, json, os, platform, sys, time
from pathlib import Path
from attention import spawn

root = Path(__file__).resolve().parent.parent
WAYS = dict(light=('whole', 'no_head', 'no_image', 'no_neighbour'), mllm=('plain', 'checkpointed'))

def peak(device='cpu'):
    if device=='cuda': import torch; return torch.cuda.max_memory_allocated()
    return next(int(l.split()[1])*1024 for l in Path('/proc/self/status').read_text().splitlines() if l.startswith('VmHWM'))

def timed(step, a, sync=lambda: None):
    "Seconds of the fastest step, after one that does not count"
    step(); sync(); best = 9e9
    for _ in range(a['rounds']):
        x = time.perf_counter(); step(); sync()
        best = min(best, time.perf_counter()-x)
    return best

def learner(tok, data, batch, precision=None, micro=None):
    "One optimiser step over the first rows, `micro` of them at a time"
    import torch
    from genrec.core.batches import to_device
    opt, dev, pieces = torch.optim.AdamW([p for p in tok.parameters() if p.requires_grad], 1e-4), tok.device, torch.arange(batch).split(micro or batch)
    def step():
        for rows in pieces:
            with torch.autocast(dev.type, torch.bfloat16, enabled=precision=='bf16'): loss = tok.loss(to_device(data[rows], dev))['loss']
            (loss*(len(rows)/batch)).backward()
        opt.step(); opt.zero_grad()
    return step

def child_light(way, a):
    import torch
    from types import SimpleNamespace
    from genrec.core.values import Histories
    from genrec.encode.light import ItemStates, LightEncoder, States
    from genrec.quantize.decoders import TextDecoder
    from genrec.quantize.diffusion import ImageDecoder
    from genrec.quantize.tree import TreeQuantizer
    from genrec.quantize.utg import UTGData, UTGTokenizer
    torch.manual_seed(0)
    n, B, dev = 4*a['batch'], a['batch'], a['device']
    enc = LightEncoder(dict(text=SimpleNamespace(dim=384), image=SimpleNamespace(dim=48, n_states=64)))
    image = None if way=='no_image' else ImageDecoder(128, 64, 48, width=a['width'])
    if way=='no_head': image.head.loss = lambda x, cond: cond.pow(2).mean()
    tok = UTGTokenizer(enc, TreeQuantizer(128, 3), TextDecoder(128, 8000), image, positive_weight=0. if way=='no_neighbour' else .03).to(dev).train()
    some = lambda *s: torch.randn(*s, device=dev)
    yes = lambda *s: torch.ones(*s, dtype=torch.bool, device=dev)
    items = ItemStates(dict(text=States(some(n, 1, 384), yes(n, 1)), image=States(some(n, 64, 48), yes(n, 64))))
    nxt = Histories.of([[(i+1)%n] for i in range(n)])
    nxt = Histories(nxt.items.to(dev), nxt.start.to(dev), nxt.end.to(dev))
    data = UTGData(items, torch.randint(8000, (n, 64), device=dev), States(some(n, 64, 48), yes(n, 64)), nxt)
    base, sync = peak(dev), (torch.cuda.synchronize if dev=='cuda' else lambda: None)
    t = timed(learner(tok, data, B), a, sync)
    out = dict(train_items_s=B/t, growth_gb=(peak(dev)-base)/1e9, trained_weights=sum(p.numel() for p in tok.parameters() if p.requires_grad))
    if way=='whole': out['encode_items_s'] = n/timed(lambda: tok.quantizer.encode(tok.vectors(items, bar=False).to(dev)), a, sync)
    return out

def child_mllm(way, a):
    import torch
    from genrec.core.values import Histories
    from genrec.data.toy import toy_shop
    from genrec.encode.mllm import MLLMEncoder, tiny_qwen2vl
    from genrec.quantize.decoders import TextDecoder, Words, token_table
    from genrec.quantize.tree import TreeQuantizer
    from genrec.quantize.utg import UTGData, UTGTokenizer
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    big, dev, B = a['mllm']=='2b', a['device'], a['batch_mllm']
    cat = toy_shop(n_users=5, n_kinds=8, n_styles=4, n_variants=4).catalog
    cat = cat.select([i%len(cat) for i in range(B)])
    class Tok(dict):
        def one(self, t): return [self.get(w, 0) for w in Words.split(t)]
        def __call__(self, x, **kw): return dict(input_ids=[self.one(t) for t in x] if isinstance(x, list) else self.one(x))
    tok = Tok({w: i for i, w in enumerate(['[UNK]', *sorted({w for t in cat['text'] for w in Words.split(t)})])})
    pic = Qwen2VLImageProcessorPil(min_pixels=(128 if big else 4)*28*28, max_pixels=(1024 if big else 16)*28*28)
    if big:
        from transformers import Qwen2VLConfig, Qwen2VLModel
        V = 151_936
        with torch.device(dev):
            torch.set_default_dtype(torch.bfloat16)
            m = Qwen2VLModel(Qwen2VLConfig(vision_start_token_id=V-4, image_token_id=V-3, vision_end_token_id=V-2, video_token_id=V-1,
                text_config=dict(vocab_size=V, hidden_size=1536, intermediate_size=8960, num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2, rope_parameters=dict(rope_type='default', rope_theta=1e6, mrope_section=[16, 24, 24])),
                vision_config=dict(depth=32, embed_dim=1280, hidden_size=1536, num_heads=16)))
            torch.set_default_dtype(torch.float32)
    else: m = tiny_qwen2vl(len(tok)+3)
    enc = MLLMEncoder(m, tok, pic, checkpointing=way=='checkpointed')
    d = enc.embed.embedding_dim
    t = UTGTokenizer(enc, TreeQuantizer(128, 3), TextDecoder(128, len(tok), embed=enc.embed, n_heads=12 if big else 4)).to(dev).train()
    data = UTGData(enc.prepare(cat), token_table(cat['text'], lambda x: tok(list(x))['input_ids']), None, Histories.of([[(i+1)%len(cat)] for i in range(len(cat))]))
    base, sync = peak(dev), (torch.cuda.synchronize if dev=='cuda' else lambda: None)
    s = timed(learner(t, data, B, 'bf16' if big else None, a['items']), a, sync)
    b = data[torch.arange(min(B, a['items']))]
    some = enc.prepare(cat.select(range(min(len(cat), 2*a['items']))))
    n = len(some)
    read = timed(lambda: t.vectors(some, block=a['items'], bar=False), a, sync) if way=='plain' else None
    return dict(train_items_s=B/s, **({} if read is None else dict(encode_items_s=n/read)), growth_gb=(peak(dev)-base)/1e9, peak_gb=peak(dev)/1e9, items_encoded=len(b.items.ids), tokens_of_an_item=int(b.items.ok.sum(1).float().mean()), width=d,
        trained_weights=sum(p.numel() for p in t.parameters() if p.requires_grad), all_weights=sum(p.numel() for p in t.parameters()))

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true'); p.add_argument('--only', nargs='*', default=list(WAYS), choices=list(WAYS)); p.add_argument('--mllm', default='tiny', choices=['tiny', '2b'])
    p.add_argument('--device', default='cpu'); p.add_argument('--repeat', type=int); p.add_argument('--items', type=int, default=16, help='items that go through the language model at once'); p.add_argument('--batch', type=int, help='items of an optimiser step of the language model (default: 256; 64 on a CPU)')
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1)); p.add_argument('--out', default=str(root/'runs'/'bench'/'utgrec.json')); p.add_argument('--child')
    a = p.parse_args()
    if a.child:
        import torch
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        part, way, how = json.loads(a.child)
        print(json.dumps(dict(light=child_light, mllm=child_mllm)[part](way, how)))
        return
    how = dict(batch=32 if a.small else 256 if a.device=='cuda' else 64, width=128 if a.small else 1024, rounds=3 if a.device=='cuda' else 1, items=4 if a.small else a.items, batch_mllm=8 if a.small else a.batch or (256 if a.device=='cuda' else 64), device=a.device, mllm=a.mllm)
    got = {}
    for part in a.only:
        for r in range(a.repeat or (1 if a.small else 2)):
            for way in WAYS[part]:
                o, old = spawn(part, way, how, a.threads, file=__file__), got.get(f'{part} {way}')
                got[f'{part} {way}'] = o if old is None or o['train_items_s']>old['train_items_s'] else old
        for way in WAYS[part]: print(f'{part:6s} {way:14s} '+', '.join(f'{k} {v:,.1f}' if isinstance(v, float) else f'{k} {v:,}' for k, v in got[f'{part} {way}'].items()), flush=True)
        share = None
        if part=='light':
            share = 1-got['light whole']['train_items_s']/got['light no_head']['train_items_s']
            print(f"the diffusion head's share of a training step: {share:.0%}", flush=True)
        if not (a.small and a.out==p.get_default('out')): keep(a, how, {k: v for k, v in got.items() if k.startswith(part)}, share)

def keep(a, how, got, share):
    "Write what was measured; what was not stays"
    import torch
    at = Path(a.out)
    at.parent.mkdir(parents=True, exist_ok=True)
    old = json.loads(at.read_text()) if at.is_file() else {}
    about = dict(settings=how, threads=a.threads, torch=torch.__version__, cpu=platform.machine(), gpu=torch.cuda.get_device_name() if a.device=='cuda' else None)
    at.write_text(json.dumps(dict(what=__doc__.splitlines()[0], head_share=share if share is not None else old.get('head_share'), results=old.get('results', {})|{k: dict(v, about=about) for k, v in got.items()}), indent=1)+'\n')

if __name__=='__main__': main()
