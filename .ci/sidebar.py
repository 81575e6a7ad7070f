"""nbs/sidebar.yml from the one list of layers, which stands in nbs/99_house.ipynb: `python .ci/sidebar.py`"""
import ast, json, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
PATH = root/'nbs'/'sidebar.yml'

def constant(name):
    "A value that 99_house writes down, such as `LAYERS`"
    house = json.loads((root/'nbs'/'99_house.ipynb').read_text(encoding='utf-8'))
    for cell in house['cells']:
        source = ''.join(cell['source'])
        if cell['cell_type']!='code' or f'{name} = ' not in source:
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '')==name:
                return ast.literal_eval(node.value)
    raise ValueError(f'99_house has no {name}')

def pages(folder):
    "Notebooks of a folder, in order"
    return sorted(path.relative_to(root/'nbs').as_posix() for path in (root/'nbs'/folder).glob('*.ipynb'))

def sidebar():
    "The text of sidebar.yml: Start, Results, How-to, then a section a layer"
    sections = [('Start', ['index.ipynb', 'workbench.ipynb'])]
    sections.append(('Results', pages('results')))
    sections.append(('How-to', [f'howto/{name}.ipynb' for name in constant('HOWTO')]))
    sections += [(title, pages(layer)) for layer, title in constant('LAYERS').items()]
    sections.append(('House', ['99_house.ipynb']))
    lines = ['website:', '  sidebar:', '    contents:']
    for title, names in sections:
        if names:
            lines += [f'    - section: {title}', '      contents:', *[f'      - {name}' for name in names]]
    return '\n'.join(lines)+'\n'

if __name__ == '__main__':
    PATH.write_text(sidebar(), encoding='utf-8')
    print(f'{PATH.relative_to(root)} is written', file=sys.stderr)
