"""Catalogue files that `save_catalog` did not write, as a stranger might prepare them"""
import json, pyarrow as pa
from PIL import Image
from fastcore.test import test_eq as equal, expect_fail
from genrec.data.catalog import load_catalog, open_catalog

def made(folder):
    "A catalogue of two items, one of which has its image in a file"
    Image.new('RGB', (4,3), 'red').save(folder/'cup.png')
    shop = dict(cup=dict(title='Cup'), pen=dict(title='Pen'))
    return load_catalog(shop, ('pen','cup'), 'title', images=dict(cup=folder/'cup.png'))

def planted(catalog, path, keep=slice(None)):
    "Write a catalogue as it is, with the mark of a saved one"
    mark = {b'genrec':json.dumps(dict(rows=len(catalog))).encode()}
    table = catalog.with_format('arrow')[:]
    table = table.replace_schema_metadata({**catalog.features.arrow_schema.metadata, **mark})[keep]
    with pa.ipc.new_stream(str(path), table.schema) as out:
        out.write_table(table)
    return path

def test_names_of_files_are_refused(tmp_path):
    "An image that is a path would read a file of whoever opens it"
    file = planted(made(tmp_path), tmp_path/'a.arrow')
    with expect_fail(ValueError, contains='must not read yours'): open_catalog(file)

def test_cut_between_two_pieces(tmp_path):
    "Whole pieces are missing, so that Arrow itself notices nothing"
    catalog = made(tmp_path).remove_columns('image')
    equal(len(open_catalog(planted(catalog, tmp_path/'a.arrow'))), 2)
    file = planted(catalog, tmp_path/'b.arrow', slice(0, 1))
    with expect_fail(ValueError, contains='holds 1 of 2 items: it was cut off'): open_catalog(file)

def test_other_columns_are_refused(tmp_path):
    "Only texts, numbers and images; and what every catalogue has"
    catalog = made(tmp_path).remove_columns('image')
    file = planted(catalog.add_column('codes', [[1],[2]]), tmp_path/'a.arrow')
    with expect_fail(ValueError, contains="texts, numbers and images alone"): open_catalog(file)
    file = planted(catalog.remove_columns('text'), tmp_path/'b.arrow')
    with expect_fail(ValueError, contains="wanted at least ['item', 'title', 'text', 'missing']"): open_catalog(file)
