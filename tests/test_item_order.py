"""Logs that are sorted by something that is not time, and logs that were cut: told in every dress they come in"""
import random, warnings
from collections import Counter
from fastcore.test import test_eq as same
from genrec.data.audit import audit
from genrec.data.item_order import NAME_ORDERS, longest_histories, name_ascents, order_agreement
from genrec.data.log import index_log
from genrec.data.split import by_user, leave_one_out

def draw(names, key=None, *, n_users=120, length=9, reverse=False, tied=False):
    "Rows (user, item, time): histories in the order of a key, or of chance"
    chance,rows = random.Random(0),[]
    for u in range(n_users):
        mine = chance.sample(list(names), length)
        if key is not None:
            mine = sorted(mine, key=key, reverse=reverse)
        rows += [(f'u{u:04}', name, 1_600_000_000+u if tied else t) for t,name in enumerate(mine)]
    return rows

def log_of(rows, **kw):
    user,item,time = map(list, zip(*rows))
    return index_log(dict(user=user, item=item, time=time), **kw)

def renumbered(rows):
    "The same rows with items numbered as they first appear"
    number = {}
    for _,item,_ in rows:
        number.setdefault(item, str(len(number)))
    return [(user, number[item], time) for user,item,time in rows]

NUMBERS = [str(i) for i in range(1, 131)]
WORDS = [f"{('Item','item','ASIN')[i%3]}{i//3}" for i in range(3, 135)]

def by_value(name): return name.rstrip('0123456789').casefold(), int(name.lstrip('ItemitemASIN') or 0), name
ORDERS = { # names, key -> how it is called
    'item name': (NUMBERS, int),
    'item name, character by character': (NUMBERS, str),
    'item name, whatever the case': (WORDS, lambda name: (name.casefold(), name)),
    'item name, numbers in it by value': (WORDS, by_value),
}

def test_every_order_of_names():
    "Sorted throughout is always, whatever program sorted, up or down, over histories and within one moment"
    same(set(ORDERS), set(NAME_ORDERS))
    for order,(names,key) in ORDERS.items():
        for reverse in (False, True):
            direction = 'descending' if reverse else 'ascending'
            a = audit(log_of(draw(names, key, reverse=reverse)))
            same(a.adjacent.word, f'{direction} by {order} always')
            same(a.adjacent.up, 0 if reverse else a.adjacent.pairs)
        a = audit(log_of(draw(names, key, tied=True)))
        same(a.ties.word, f'ascending by {order} always')
        assert f'ascending by {order} always' in a._repr_markdown_()

def test_the_order_of_a_catalogue():
    "Items sorted by the numbers that a catalogue gave them"
    names = random.Random(1).sample(WORDS, len(WORDS))
    log = log_of(draw(names, names.index), items=names)
    same(name_ascents(log, log.user).word, 'ascending by item number always')

def test_chance_stays_chance():
    "Orders of chance are no order, and one log in four orders of names is still measured by the first of them"
    for names in (NUMBERS, WORDS):
        log = log_of(draw(names))
        found = name_ascents(log, log.user)
        same(found.by, 'item name')
        assert abs(found.z)<5
        assert order_agreement(log).word in ('as by chance', 'too few to tell')

def test_a_few_pairs_say_nothing():
    "Three steps that ascend are no proof"
    log = log_of([('a','10',1), ('a','9',2), ('b','10',1), ('b','9',2)])
    same(name_ascents(log, log.user).word, 'as by chance')
    same(order_agreement(log).word, 'too few to tell')

def test_numbers_of_first_appearance():
    "Names gone, the trap is found by neighbours that come again; sorted by chance it is none"
    for names,key in ORDERS.values():
        rows = renumbered(draw(names[:40], key))
        a = audit(log_of(rows))
        assert a.first_come and a.agreement.pairs>=10
        same(a.agreement.same, a.agreement.pairs)
        assert 'always: histories are sorted' in a._repr_markdown_()
    a = audit(log_of(renumbered(draw(NUMBERS[:40]))))
    same(a.agreement.word, 'as by chance')
    assert 'as by chance' in a._repr_markdown_() and 'always' not in a._repr_markdown_().replace('every history', '')

def test_where_it_cannot_be_told():
    "No two users share neighbours: said, and no verdict"
    rows = [(f'u{i//9:04}', f'{i}', i%9) for i in range(450)]
    a = audit(log_of(rows))
    assert a.first_come and 'nothing can be told' in a._repr_markdown_()

def test_agreement_by_loops():
    "The same count, pair by pair"
    for seed in range(5):
        chance = random.Random(seed)
        rows = [(f'u{chance.randint(0, 30)}', chance.choice('abcdefg'), t) for t in range(130)]
        log = log_of(rows)
        first,found = {},Counter()
        for u in range(log.n_users):
            items = log.item[log.user==u].tolist()
            for a,b in zip(items, items[1:]):
                if a==b:
                    continue
                pair = min(a, b),max(a, b)
                if pair in first:
                    found['pairs'] += 1
                    found['same'] += first[pair]==(a<b)
                first.setdefault(pair, a<b)
        got = order_agreement(log)
        same((got.pairs, got.same), (found['pairs'], found['same']))

def lengths(ns):
    "Users with so many interactions"
    rows = []
    for u,n in enumerate(ns):
        rows += [(f'u{u}', f'i{(7*u+t)%97}', t) for t in range(n)]
    return log_of(rows)

def test_histories_that_are_cut():
    "At 5, 10, 20 or 50; all of one length; a whole log, a short one and one of equal parts are not cut"
    chance = random.Random(0)
    whole = [3+int(chance.expovariate(1/15)) for _ in range(2000)]
    assert not longest_histories(lengths(whole)).is_cut
    for most in (5, 10, 20, 50):
        found = longest_histories(lengths([min(n, most) for n in whole]))
        assert found.is_cut and found.length==most, most
        assert f'a crowd at {most}' in audit(lengths([min(n, most) for n in whole]))._repr_markdown_()
    for n in (3, 11, 51):
        assert f'every history has {n}' in audit(lengths([n]*30))._repr_markdown_()
    assert not longest_histories(lengths([5,4,3,3])).is_cut
    assert not longest_histories(lengths([6]*40+[5]*50+[7]*45)).is_cut
    assert longest_histories(lengths([4]*5)).is_cut
    assert not longest_histories(lengths([9])).is_cut

def test_three_each():
    "Leave-one-out has nothing to train on, and says what has"
    log = lengths([3]*20)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        same(len(leave_one_out(log).train), 0)
    said = str(caught[0].message)
    assert 'all 20 users that are split have 3 interactions' in said and '`by_user(log)`' in said
    split = by_user(log)
    assert len(split.train) and len(split.test)
    assert str(audit(log).longest).endswith('`by_user` does')
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        assert len(leave_one_out(lengths([3]*20+[4])).train)
        leave_one_out(lengths([3,3,2]), short='train')
    assert not any('no training sample' in str(w.message) for w in caught)
