#!/usr/bin/env python3
"""Records BLEU (mteval-v13a's tokens and none) and chrF of random corpora, for src/tasks/metrics/bleu.test.ts.

    python3 test/golden/translation-metrics.py

An implementation of its own from the papers and the published conventions of sacreBLEU (which is not among Debian's packages):
counters and plain formulas, no line shared with the TypeScript. Standard library only.
"""
import collections
import json
import math
import pathlib
import random
import re
import string

HERE = pathlib.Path(__file__).parent


def grams(units, n):
    return collections.Counter(tuple(units[i:i + n]) for i in range(len(units) - n + 1))


def words_13a(text):
    out = text.rstrip()
    for old, new in (("<skipped>", ""), ("-\n", ""), ("\n", " "), ("&quot;", '"'), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")):
        out = out.replace(old, new)
    marks = "".join(c for c in map(chr, range(32, 127)) if not c.isalnum() and c not in "',-.")
    out = "".join(f" {c} " if c in marks else c for c in f" {out} ")
    out = re.sub(r"(?P<before>\D|[^\x00-\x7f])(?P<mark>[.,])", r"\g<before> \g<mark> ", out, flags=re.ASCII)
    out = re.sub(r"(?P<mark>[.,])(?P<after>\D|[^\x00-\x7f])", r" \g<mark> \g<after>", out, flags=re.ASCII)
    return re.sub(r"(?P<digit>[0-9])-", r"\g<digit> - ", out).split()


def bleu(hypotheses, references, cut):
    right, all_, long, closest = [0] * 4, [0] * 4, 0, 0
    for text, own in zip(hypotheses, references):
        words, others = cut(text), [cut(r) for r in own]
        long += len(words)
        closest += sorted((len(o) for o in others), key=lambda n: (abs(n - len(words)), n))[0]
        for n in range(1, 5):
            most = collections.Counter()
            for other in others:
                most |= grams(other, n)
            mine = grams(words, n)
            right[n - 1] += sum((mine & most).values())
            all_[n - 1] += sum(mine.values())
    if sum(right) == 0 or 0 in all_:
        return 0.0
    logs, zeros = 0.0, 0
    for r, a in zip(right, all_):
        zeros += r == 0
        logs += math.log(r / a if r else 2.0 ** -zeros / a)
    return 100 * min(1.0, math.exp(1 - closest / long)) * math.exp(logs / 4)


def chrf(hypotheses, references, word_order):
    def words(text):
        for word in text.split():
            if len(word) > 1 and word[-1] in string.punctuation:
                yield from (word[:-1], word[-1])
            elif len(word) > 1 and word[0] in string.punctuation:
                yield from (word[0], word[1:])
            else:
                yield word

    def counts(text):
        return [grams("".join(text.split()), n) for n in range(1, 7)] + [grams(list(words(text)), n) for n in range(1, word_order + 1)]

    def f(rows):
        rows = [(h, r, m) for h, r, m in rows if h and r]
        if not rows:
            return 0.0
        p, r = sum(m / h for h, _, m in rows) / len(rows), sum(m / r for _, r, m in rows) / len(rows)
        return 500 * p * r / (4 * p + r) if p + r else 0.0

    total = [(0, 0, 0)] * (6 + word_order)
    for text, own in zip(hypotheses, references):
        mine = counts(text)
        options = []
        for reference in own:
            theirs = counts(reference)
            options.append([(sum(h.values()) if r else 0, sum(r.values()), sum((h & r).values())) for h, r in zip(mine, theirs)])
        best = max(options, key=f)
        total = [tuple(map(sum, zip(a, b))) for a, b in zip(total, best)]
    return f(total)


def corpus(seed, sentences, most_references, noise):
    source = random.Random(seed)
    words = ["a", "man", "Hund", "läuft,", "3.5", "10-20", "(über)", "don't", "x/y", "&amp;", "U.S.", "Straße.", "two-fold", "…", "\"So\"", "1,000", "!", "日本", "-", "2."]
    hypotheses, references = [], []
    for _ in range(sentences):
        truth = [source.choice(words) for _ in range(source.randint(1, 14))]

        def near():
            out = [w if source.random() > noise else source.choice(words) for w in truth if source.random() > noise / 2]
            return " ".join(out)

        hypotheses.append(near())
        references.append([" ".join(truth)] + [near() or "." for _ in range(source.randint(0, most_references - 1))])
    return hypotheses, references


cases = []
for given in ((1, 20, 1, 0.2), (2, 15, 3, 0.3), (3, 3, 1, 0.8), (4, 1, 2, 0.1), (5, 40, 2, 0.05), (6, 4, 1, 0.97)):
    hypotheses, references = corpus(*given)
    cases.append({
        "hypotheses": hypotheses, "references": references, "bleu13a": bleu(hypotheses, references, words_13a),
        "bleuNone": bleu(hypotheses, references, str.split), "chrf": chrf(hypotheses, references, 0),
        "chrfPlusPlus": chrf(hypotheses, references, 2),
    })
(HERE / "translation-metrics.json").write_text(json.dumps({"script": "test/golden/translation-metrics.py", "cases": cases}, ensure_ascii=False) + "\n")
