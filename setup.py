"""Reads `settings.ini`, the one place where names, versions and requirements stand"""
from configparser import ConfigParser
from pathlib import Path
from setuptools import setup, find_packages

here = Path(__file__).resolve().parent
ini = ConfigParser(delimiters=['='], interpolation=None)
ini.read(here/'settings.ini', encoding='utf-8')
cfg = ini['DEFAULT']

minimum = tuple(int(o) for o in cfg['min_python'].split('.'))
pythons = [f'3.{minor}' for minor in range(minimum[1], 14)]
statuses = ['1 - Planning', '2 - Pre-Alpha', '3 - Alpha', '4 - Beta', '5 - Production/Stable', '6 - Mature',
            '7 - Inactive']

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'],
    long_description=(here/'README.md').read_text(encoding='utf-8'), long_description_content_type='text/markdown',
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'],
    license='Apache-2.0', license_files=['LICENSE'],
    packages=find_packages(include=[cfg['lib_path'], cfg['lib_path']+'.*']), zip_safe=False,
    package_data={f"{cfg['lib_path']}.widgets": ['static/*.js', 'static/*.css']},
    python_requires=f">={cfg['min_python']}",
    install_requires=cfg['requirements'].split(),
    extras_require={k: cfg[f'{k}_requirements'].split() for k in ('dev', 'viz', 'spark', 'bench', 'minilm', 'onnx')},
    entry_points={
        'console_scripts': cfg['console_scripts'].split(),
        'nbdev': [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"], # lets nbdev link names in the docs
    },
    classifiers=[
        f"Development Status :: {statuses[int(cfg['status'])-1]}",
        f"Intended Audience :: {cfg['audience']}",
        'License :: OSI Approved :: Apache Software License',
        f"Natural Language :: {cfg['language']}",
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        *[f'Programming Language :: Python :: {o}' for o in ('3', *pythons)],
    ],
)
