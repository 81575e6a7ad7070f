"""Texts of scripts without blanks: alike titles get alike vectors, and text with blanks stays as it was, to the bit"""
import warnings
import numpy as np
import torch
from datasets import Dataset
from fastcore.test import expect_fail, test_eq as same
from scipy.stats import spearmanr
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from genrec.data.toy import toy_shop
from genrec.encode.text import TfidfEncoder

CHINESE = ['红色女士连衣裙夏季新款', '蓝色男士牛仔裤修身', '红色男士T恤', '黑色女士高跟鞋', '白色运动鞋男', '红色高跟鞋',
           '蓝色连衣裙', '黑色牛仔裤', '白色T恤女', '运动鞋女款']
SHORT = ['红苹果', '青苹果', '苹果汁', '黑裙子', '红裙子', '白裙子', '橙汁', '红茶']
JAPANESE = ['赤いワンピース夏', '青いワンピース', '黒のハイヒール', '赤いハイヒール', '白いスニーカー男性用', '黒いスニーカー',
            '青いデニムパンツ', '黒のデニムパンツ男性用']
THAI = ['เสื้อยืดผู้ชายสีแดง', 'เสื้อยืดผู้หญิงสีขาว', 'กางเกงยีนส์ผู้ชายสีน้ำเงิน',
        'กางเกงยีนส์ผู้หญิงสีดำ', 'รองเท้าผ้าใบสีขาว',
        'รองเท้าส้นสูงสีแดง', 'ชุดเดรสสีแดง', 'ชุดเดรสสีน้ำเงิน']
MIXED = ['Nike耐克Air运动鞋男款', 'Nike耐克女士运动鞋', 'Adidas阿迪达斯T恤男款', 'Adidas阿迪达斯运动裤', 'Levis李维斯牛仔裤男款',
         'Levis李维斯女士牛仔裤', 'Nike耐克T恤男款', 'Zara飒拉连衣裙女士']
CUT = ['红色 女士 连衣裙', '蓝色 男士 牛仔裤', '红色 男士 上衣', '黑色 女士 鞋', '白色 男士 鞋', '红色 女士 鞋']
GERMAN = ['Rotes Kleid für Damen', 'Blaue Jeans für Herren', 'Rotes Hemd für Herren', 'Schwarze Schuhe für Damen',
          'Weiße Schuhe für Herren', 'Blaues Kleid für Damen']
KOREAN = ['빨간 여성 원피스', '파란 남성 청바지', '빨간 남성 셔츠', '검은 여성 구두', '하얀 남성 구두', '파란 여성 원피스']

def catalogue(texts): return Dataset.from_dict(dict(text=list(texts)))

def encoded(texts, dim, **settings):
    "Vectors, and what was said"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        e = TfidfEncoder(dim, **settings)(catalogue(texts))
    return e, [str(w.message) for w in caught]

def by_words(texts, dim):
    "What the encoder did before there was a choice: words, and their truncated SVD"
    words = TfidfVectorizer(ngram_range=(1,1), min_df=1, max_features=50_000, sublinear_tf=True)
    ordered = sorted(texts)
    svd = TruncatedSVD(dim, algorithm='arpack', random_state=0).fit(words.fit_transform(ordered))
    v = svd.components_
    v = v*np.sign(np.take_along_axis(v, np.abs(v).argmax(1)[:,None], 1))
    return torch.nn.functional.normalize(torch.from_numpy(words.transform(texts)@v.T).float(), dim=1)

def pairs(x): return x[np.triu_indices(len(x), 1)]

def test_alike_titles_are_alike():
    "The order of all pairs is that of plain character pairs"
    for texts in (CHINESE, SHORT, JAPANESE, THAI, MIXED):
        e,said = encoded(texts, len(texts)-1)
        plain = TfidfVectorizer(analyzer='char', ngram_range=(1,2)).fit_transform(texts)
        ours,theirs = pairs((e.x@e.x.T).numpy()),pairs((plain@plain.T).toarray())
        assert spearmanr(ours, theirs).statistic>.8, texts[0]
        assert ' texts have no blanks between words' in said[0]
        assert "`TfidfEncoder(analyzer='mixed')`" in said[0]
        same(len(said), 1)
        chosen,silent = encoded(texts, len(texts)-1, analyzer='mixed')
        assert torch.equal(chosen.x, e.x) and not silent

def test_words_of_an_old_kind():
    "Text with blanks, or cut into words by somebody, is as it was, to the bit and without a word"
    for texts in (CUT, GERMAN, KOREAN, list(toy_shop(20, images=False).catalog['text'])):
        for settings in ({}, dict(analyzer='word')):
            e,said = encoded(texts, 4, **settings)
            assert torch.equal(e.x, by_words(texts, 4)) and not said, said
            same(e.name, "TfidfEncoder(dim=4, ngram=1, min_df=1, max_words=50000, normalise=True, seed=0, fitted='')")

def test_words_on_request():
    "`analyzer='word'` reads blanks alone, and is silent about scripts"
    e,said = encoded(CHINESE, 4, analyzer='word')
    assert "analyzer" not in e.name and not any('blanks' in s for s in said)

def test_a_few_among_many():
    "One in a hundred decides; fewer are left as words, and counted"
    many = [f'lamp number{i} for room{i%7}' for i in range(399)]
    e,said = encoded([*many, CHINESE[0]], 4)
    assert torch.equal(e.x, by_words([*many, CHINESE[0]], 4))
    assert said[0].startswith('1 of 400 texts have no blanks between words') and 'so few' in said[0]
    e,said = encoded([*many, *CHINESE[:5]], 4)
    assert e.name.endswith("analyzer='mixed')") and said[0].startswith('5 of 404 texts')

def test_one_space_for_two_shops():
    "What was chosen at the fit holds for every catalogue that is encoded"
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        encoder = TfidfEncoder(5).fit(catalogue(CHINESE))
    assert "analyzer='mixed'" in repr(encoder)
    both = encoder(catalogue(['红色连衣裙', '蓝色连衣裙女士'])).x
    assert both[0]@both[1]>.3

def test_numbers_for_titles():
    "Numbers are read as texts; each its own, they make none alike, and a warning says what to do"
    e,said = encoded([1001,1002,2001,2002,3001,3002], 5)
    same(e.x.shape, (6,5))
    assert said[0].startswith("6 of 6 texts have no word in common with another") and "analyzer='char'" in said[0]
    e,said = encoded([1001,1002,2001,2002,3001,3002], 5, analyzer='char')
    assert (e.x@e.x.T)[0,1]>(e.x@e.x.T)[0,2] and not said
    e,_ = encoded([1984.,float('nan'),2001.], 1)
    same(e.missing.tolist(), [False,True,False])

def test_too_little():
    "Nothing, or one text: what is wanted is said"
    for texts in ([''], ['',' ','\t'], [None,None,'']):
        with expect_fail(ValueError, contains='no item has a text'): encoded(texts, 1)
    with expect_fail(ValueError, contains='two items with different texts'): encoded(['a red lamp'], 1)
    with expect_fail(ValueError, contains='two items with different texts'): encoded(['红色连衣裙'], 1)
    with expect_fail(ValueError, contains='choose `dim` from 1 to 2'):
        encoded(['a lamp', 'a chair', 'a lamp or chair'], 64)
    with expect_fail(ValueError, contains="`analyzer='char'` reads single characters"): encoded(['S','M'], 1)
