"""README.md from nbs/index.ipynb, as `nbdev_readme` would make it with Quarto: `python .ci/readme.py [--check]`"""
import json, re, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent

def text(x): return ''.join(x) if isinstance(x, list) else x

def shown(o):
    "One output as GitHub's Markdown; pictures and HTML have no place in a README made from text"
    if o['output_type']=='stream': return '```\n'+text(o['text']).rstrip('\n')+'\n```' if o['name']=='stdout' else ''
    d = o.get('data', {})
    if 'text/markdown' in d: return text(d['text/markdown'])
    if text(d.get('text/plain', '')).endswith('where scripts run.'): return f"![{text(d['text/plain'])}](nbs/browse.png)" # a widget: its picture
    return '```\n'+text(d['text/plain'])+'\n```' if 'text/plain' in d else ''

def readme(nb):
    out = ['<!-- Made from nbs/index.ipynb by .ci/readme.py; edit the notebook -->']
    pages = {p.name: re.sub(r'^\d+[a-z]*_', '', p.stem) for p in (root/'nbs').glob('*.ipynb')}
    for c in nb['cells']:
        src = text(c['source']).strip('\n')
        if c['cell_type']=='markdown': out.append(re.sub(r'\]\(([\w.]+\.ipynb)\)', lambda m: f'](nbs/{m[1]})' if m[1] in pages else m[0], src))
        elif c['cell_type']=='code' and not re.search(r'^#\|\s*(hide|include:\s*false)\s*$', src, re.M):
            code = re.sub(r'^#\|.*\n?', '', src, flags=re.M).strip('\n')
            if code and not re.search(r'^#\|\s*echo:\s*false', src, re.M): out.append(f'```python\n{code}\n```')
            out += [s for s in map(shown, c.get('outputs', [])) if s]
    return '\n\n'.join(out)+'\n'

def main(*args):
    new = readme(json.loads((root/'nbs'/'index.ipynb').read_text(encoding='utf-8')))
    f = root/'README.md'
    if '--check' in args:
        same = f.exists() and f.read_text(encoding='utf-8')==new
        print('README.md agrees with nbs/index.ipynb' if same else 'README.md and nbs/index.ipynb differ; run `python .ci/readme.py`')
        return int(not same)
    f.write_text(new, encoding='utf-8'); return 0

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))
