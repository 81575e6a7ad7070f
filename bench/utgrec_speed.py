"""What UTGRec's tokenizer costs: items per second in training and in encoding, memory, and the diffusion head's share

    python bench/utgrec_speed.py [--small] [--only light mllm] [--mllm tiny|2b] [--device cuda] [--batch 256]
                                 [--items 16] [--repeat 2] [--out runs/bench/utgrec.json]

light: `LightEncoder` over a text vector of 384 and 64 patches, 3 levels (256, 512, 512) of width 128, 64 words of a
vocabulary of 8,000, 64 latents of 48 numbers, batches of 256 (64 on a CPU, where a step of 256 takes minutes). Ways:
`whole`; `no_head` (the image decoder's layer without the diffusion network); `no_image`; `no_neighbour` (without the
neighbour's content). A step is forward, backward and AdamW. Encoding is `vectors` and codes.

mllm: a random Qwen2-VL with LoRA of rank 8 over pictures and words, with and without gradient checkpointing;
`--mllm 2b --device cuda` has the shape of Qwen2-VL-2B in bf16 (its weights change no timing). A step is a batch of
`--batch` items (the paper's 256), `--items` of them at a time: gradients add up, then AdamW.

Each way runs in a process of its own, ways take turns, the fastest of the repeats counts. The head's share is
1 - no_head / whole."""
import argparse, json, os, platform, sys, time
from pathlib import Path
from types import SimpleNamespace
from attention import spawn

root = Path(__file__).resolve().parent.parent
WAYS = dict(light=('whole', 'no_head', 'no_image', 'no_neighbour'), mllm=('plain', 'checkpointed'))
RECORD = root/'runs'/'bench'/'utgrec.json'
TEXT, PATCHES, LATENT, WORDS = 384, 64, 48, 8000 # width of a text vector; image patches, numbers of each; vocabulary

def peak(device='cpu'):
    "Bytes that this process held at most, on the GPU if that is its device"
    if device=='cuda':
        import torch
        return torch.cuda.max_memory_allocated()
    status = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1])*1024 for line in status if line.startswith('VmHWM'))

def synchronize(device):
    "Wait for the GPU, if there is one"
    if device=='cuda':
        import torch
        torch.cuda.synchronize()

def timed(step, how):
    "Seconds of the fastest step, after one that does not count"
    step()
    synchronize(how['device'])
    best = float('inf')
    for _ in range(how['rounds']):
        start = time.perf_counter()
        step()
        synchronize(how['device'])
        best = min(best, time.perf_counter()-start)
    return best

def learner(tokenizer, data, batch, *, precision=None, micro=None):
    "One optimiser step over the first rows, `micro` of them at a time"
    import torch
    from genrec.core.batches import to_device
    trained = [weight for weight in tokenizer.parameters() if weight.requires_grad]
    optimizer, device = torch.optim.AdamW(trained, 1e-4), tokenizer.device
    pieces = torch.arange(batch).split(micro or batch)
    def step():
        for rows in pieces:
            with torch.autocast(device.type, torch.bfloat16, enabled=precision=='bf16'):
                loss = tokenizer.loss(to_device(data[rows], device))['loss']
            (loss*(len(rows)/batch)).backward()
        optimizer.step()
        optimizer.zero_grad()
    return step

def n_weights(module, trained=True):
    "How many numbers a module holds, or learns"
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad or not trained)

def light_tokenizer(way, width):
    "UTGRec's tokenizer over a light encoder, without the part that a way leaves out"
    from genrec.encode.light import LightEncoder
    from genrec.quantize.decoders import TextDecoder
    from genrec.quantize.diffusion import ImageDecoder
    from genrec.quantize.tree import TreeQuantizer
    from genrec.quantize.utg import UTGTokenizer
    image = SimpleNamespace(dim=LATENT, n_states=PATCHES)
    encoder = LightEncoder(dict(text=SimpleNamespace(dim=TEXT), image=image))
    decoder = None if way=='no_image' else ImageDecoder(128, PATCHES, LATENT, width=width)
    if way=='no_head':
        def no_network(x, condition): return condition.pow(2).mean()
        decoder.head.loss = no_network
    weight = 0. if way=='no_neighbour' else .03
    return UTGTokenizer(encoder, TreeQuantizer(128, 3), TextDecoder(128, WORDS), decoder, positive_weight=weight)

def light_data(n, device):
    "States of made-up items, and what their decoders are to find"
    import torch
    from genrec.core.values import Histories
    from genrec.encode.light import ItemStates, States
    from genrec.quantize.utg import UTGData
    def states(count, width):
        there = torch.ones(n, count, dtype=torch.bool, device=device)
        return States(torch.randn(n, count, width, device=device), there)
    items = ItemStates(dict(text=states(1, TEXT), image=states(PATCHES, LATENT)))
    following = Histories.of([[(i+1)%n] for i in range(n)])
    following = Histories(*(x.to(device) for x in (following.items, following.start, following.end)))
    return UTGData(items, torch.randint(WORDS, (n, 64), device=device), states(PATCHES, LATENT), following)

def child_light(way, how):
    "One way of the light tokenizer, in this process"
    import torch
    torch.manual_seed(0)
    device, batch, n = how['device'], how['batch'], 4*how['batch']
    tokenizer = light_tokenizer(way, how['width']).to(device).train()
    data = light_data(n, device)
    before = peak(device)
    seconds = timed(learner(tokenizer, data, batch), how)
    growth = (peak(device)-before)/1e9
    out = dict(train_items_s=batch/seconds, growth_gb=growth, trained_weights=n_weights(tokenizer))
    def encode():
        tokenizer.quantizer.encode(tokenizer.vectors(data.items, bar=False).to(device))
    if way=='whole':
        out['encode_items_s'] = n/timed(encode, how)
    return out

class WordTokenizer(dict):
    "Words of made-up texts, as a tokenizer of transformers numbers them"
    def one(self, text):
        from genrec.quantize.decoders import Words
        return [self.get(word, 0) for word in Words.split(text)]
    def __call__(self, x, **_):
        return dict(input_ids=[self.one(text) for text in x] if isinstance(x, list) else self.one(x))

def word_tokenizer(texts):
    "A number for each word of the texts"
    from genrec.quantize.decoders import Words
    words = set()
    for text in texts:
        words.update(Words.split(text))
    return WordTokenizer({word: i for i, word in enumerate(['[UNK]', *sorted(words)])})

def qwen2vl_2b(device):
    "Qwen2-VL-2B's shape, with random weights in bf16"
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLModel
    vocabulary = 151_936
    marks = dict(vision_start_token_id=vocabulary-4, image_token_id=vocabulary-3, vision_end_token_id=vocabulary-2,
                 video_token_id=vocabulary-1)
    text = dict(vocab_size=vocabulary, hidden_size=1536, intermediate_size=8960, num_hidden_layers=28,
                num_attention_heads=12, num_key_value_heads=2,
                rope_parameters=dict(rope_type='default', rope_theta=1e6, mrope_section=[16, 24, 24]))
    vision = dict(depth=32, embed_dim=1280, hidden_size=1536, num_heads=16)
    with torch.device(device):
        torch.set_default_dtype(torch.bfloat16)
        model = Qwen2VLModel(Qwen2VLConfig(text_config=text, vision_config=vision, **marks))
        torch.set_default_dtype(torch.float32)
    return model

def mllm_tokenizer(way, how, words):
    "UTGRec's tokenizer over a multimodal language model"
    from genrec.encode.mllm import MLLMEncoder, tiny_qwen2vl
    from genrec.quantize.decoders import TextDecoder
    from genrec.quantize.tree import TreeQuantizer
    from genrec.quantize.utg import UTGTokenizer
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
    big = how['mllm']=='2b'
    least, most = (128, 1024) if big else (4, 16)
    pictures = Qwen2VLImageProcessorPil(min_pixels=least*28*28, max_pixels=most*28*28)
    model = qwen2vl_2b(how['device']) if big else tiny_qwen2vl(len(words)+3)
    encoder = MLLMEncoder(model, words, pictures, checkpointing=way=='checkpointed')
    decoder = TextDecoder(128, len(words), embed=encoder.embed, n_heads=12 if big else 4)
    return encoder, UTGTokenizer(encoder, TreeQuantizer(128, 3), decoder).to(how['device']).train()

def mllm_catalog(n):
    "So many items of a made-up shop, some of them several times"
    from genrec.data.toy import toy_shop
    catalog = toy_shop(n_users=5, n_kinds=8, n_styles=4, n_variants=4).catalog
    return catalog.select([i%len(catalog) for i in range(n)])

def child_mllm(way, how):
    "One way of the large tokenizer, in this process"
    import torch
    from genrec.core.values import Histories
    from genrec.quantize.decoders import token_table
    from genrec.quantize.utg import UTGData
    device, batch, at_once = how['device'], how['batch_mllm'], how['items']
    catalog = mllm_catalog(batch)
    words = word_tokenizer(catalog['text'])
    encoder, tokenizer = mllm_tokenizer(way, how, words)
    tokens = token_table(catalog['text'], lambda texts: words(list(texts))['input_ids'])
    data = UTGData(encoder.prepare(catalog), tokens, None, Histories.of([[(i+1)%batch] for i in range(batch)]))
    before, precision = peak(device), 'bf16' if how['mllm']=='2b' else None
    seconds = timed(learner(tokenizer, data, batch, precision=precision, micro=at_once), how)
    out = dict(train_items_s=batch/seconds)
    some = encoder.prepare(catalog.select(range(min(batch, 2*at_once))))
    if way=='plain':
        out['encode_items_s'] = len(some)/timed(lambda: tokenizer.vectors(some, block=at_once, bar=False), how)
    first = data[torch.arange(min(batch, at_once))].items
    return out|dict(growth_gb=(peak(device)-before)/1e9, peak_gb=peak(device)/1e9, items_encoded=len(first.ids),
                    tokens_of_an_item=int(first.ok.sum(1).float().mean()), width=encoder.embed.embedding_dim,
                    trained_weights=n_weights(tokenizer), all_weights=n_weights(tokenizer, trained=False))

def run_child(asked):
    "Measure one way and print it as JSON"
    import torch
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    part, way, how = json.loads(asked)
    print(json.dumps(dict(light=child_light, mllm=child_mllm)[part](way, how)))

def settings(a):
    "What the processes are told"
    on_gpu = a.device=='cuda'
    batch = 256 if on_gpu else 64
    small = dict(batch=32, width=128, items=4, batch_mllm=8)
    usual = dict(batch=batch, width=1024, items=a.items, batch_mllm=a.batch or batch)
    return dict(small if a.small else usual, rounds=3 if on_gpu else 1, device=a.device, mllm=a.mllm)

def fastest(part, how, *, repeats, threads):
    "Way -> what its fastest repeat measured"
    best = {}
    for _ in range(repeats):
        for way in WAYS[part]:
            now = spawn(part, way, how, threads, file=__file__)
            if way not in best or now['train_items_s']>best[way]['train_items_s']:
                best[way] = now
    return best

def show(part, best):
    "Print what was measured of a part; returns the diffusion head's share of a step, where it is known"
    def number(value): return f'{value:,.1f}' if isinstance(value, float) else f'{value:,}'
    for way, found in best.items():
        figures = ', '.join(f'{name} {number(value)}' for name, value in found.items())
        print(f'{part:6s} {way:14s} {figures}', flush=True)
    if part!='light':
        return None
    share = 1-best['whole']['train_items_s']/best['no_head']['train_items_s']
    print(f"the diffusion head's share of a training step: {share:.0%}", flush=True)
    return share

def keep(a, how, found, share):
    "Write what was measured; what was not stays"
    import torch
    path = Path(a.out)
    path.parent.mkdir(parents=True, exist_ok=True)
    old = json.loads(path.read_text()) if path.is_file() else {}
    gpu = torch.cuda.get_device_name() if a.device=='cuda' else None
    about = dict(settings=how, threads=a.threads, torch=torch.__version__, cpu=platform.machine(), gpu=gpu)
    results = old.get('results', {})|{name: dict(value, about=about) for name, value in found.items()}
    share = old.get('head_share') if share is None else share
    record = dict(what=__doc__.splitlines()[0], head_share=share, results=results)
    path.write_text(json.dumps(record, indent=1)+'\n')

def arguments():
    "What was asked for on the command line"
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true')
    p.add_argument('--only', nargs='*', default=list(WAYS), choices=list(WAYS))
    p.add_argument('--mllm', default='tiny', choices=['tiny', '2b'])
    p.add_argument('--device', default='cpu')
    p.add_argument('--repeat', type=int)
    p.add_argument('--items', type=int, default=16, help='items that go through the language model at once')
    p.add_argument('--batch', type=int,
                   help='items of an optimiser step of the language model (default: 256; 64 on a CPU)')
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', default=str(RECORD))
    p.add_argument('--child')
    return p.parse_args()

def main():
    a = arguments()
    if a.child:
        return run_child(a.child)
    how = settings(a)
    for part in a.only:
        best = fastest(part, how, repeats=a.repeat or (1 if a.small else 2), threads=a.threads)
        share = show(part, best)
        if not (a.small and a.out==str(RECORD)):
            keep(a, how, {f'{part} {way}': found for way, found in best.items()}, share)

if __name__=='__main__':
    main()
