"""README.md from nbs/index.ipynb, as `nbdev_readme` would make it with Quarto: `python .ci/readme.py [--check]`"""
import json, re, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent

def text(x): return ''.join(x) if isinstance(x, list) else x

def fenced(text, language=''): return f'```{language}\n{text}\n```'

def shown(output):
    "One output as GitHub's Markdown; pictures and HTML have no place in a README made from text"
    if output['output_type']=='stream':
        return fenced(text(output['text']).rstrip('\n')) if output['name']=='stdout' else ''
    data = output.get('data', {})
    if 'text/markdown' in data:
        return text(data['text/markdown'])
    plain = text(data.get('text/plain', ''))
    if plain.endswith('where scripts run.'): # a widget: its picture
        return f'![{plain}](nbs/browse.png)'
    return fenced(plain) if 'text/plain' in data else ''

def with_links(source, pages):
    "Markdown whose links to notebooks and pictures lead into nbs/"
    def into_nbs(found):
        return f'](nbs/{found[1]})' if found[1] in pages or (root/'nbs'/found[1]).is_file() else found[0]
    return re.sub(r'\]\(([\w./]+\.(?:ipynb|png))\)', into_nbs, source)

def blocks(cell, pages):
    "What one cell adds"
    source = text(cell['source']).strip('\n')
    if cell['cell_type']=='markdown':
        return [with_links(source, pages)]
    if cell['cell_type']!='code' or re.search(r'^#\|\s*(hide|include:\s*false)\s*$', source, re.M):
        return []
    code = re.sub(r'^#\|.*\n?', '', source, flags=re.M).strip('\n')
    echo = code and not re.search(r'^#\|\s*echo:\s*false', source, re.M)
    outputs = [block for block in map(shown, cell.get('outputs', [])) if block]
    return [fenced(code, 'python'), *outputs] if echo else outputs

def readme(nb):
    "The text of the README"
    out = ['<!-- Made from nbs/index.ipynb by .ci/readme.py; edit the notebook -->']
    pages = {path.relative_to(root/'nbs').as_posix() for path in (root/'nbs').rglob('*.ipynb')}
    for cell in nb['cells']:
        out += blocks(cell, pages)
    return '\n\n'.join(out)+'\n'

def main(*args):
    new = readme(json.loads((root/'nbs'/'index.ipynb').read_text(encoding='utf-8')))
    path = root/'README.md'
    if '--check' not in args:
        path.write_text(new, encoding='utf-8')
        return 0
    if path.exists() and path.read_text(encoding='utf-8')==new:
        print('README.md agrees with nbs/index.ipynb')
        return 0
    print('README.md and nbs/index.ipynb differ; run `python .ci/readme.py`')
    return 1

if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
