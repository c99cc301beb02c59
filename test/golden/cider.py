#!/usr/bin/env python3
"""Records CIDEr-D written down from its definition (Vedantam et al. 2015, equations 1 and 2 and section 5), for cider.test.ts.

    python3 test/golden/cider.py           writes cider.json beside this file

Two details are coco-caption's and not the paper's: the length of the Gaussian penalty counts pairs of words, and the inverse document
frequency of an n-gram in no reference is that of one in a single image.
"""
import json
import math
import pathlib
import random

SIGMA, N = 6.0, 4


def h(words, n):
    return list(zip(*(words[i:] for i in range(n)))) if len(words) >= n else []


def cider_d(candidates, references):
    images = len(references)

    def idf(gram, n):
        return math.log(images / max(1, sum(any(gram in h(r, n) for r in own) for own in references)))

    scores = []
    for candidate, own in zip(candidates, references):
        by_n = []
        for n in range(1, N + 1):
            total = 0.0
            for reference in own:
                grams = sorted(set(h(candidate, n)) | set(h(reference, n)))
                g_c = [h(candidate, n).count(w) * idf(w, n) for w in grams]
                g_r = [h(reference, n).count(w) * idf(w, n) for w in grams]
                norm = math.sqrt(sum(x * x for x in g_c)) * math.sqrt(sum(x * x for x in g_r))
                if norm == 0:
                    continue
                gap = len(h(candidate, 2)) - len(h(reference, 2))
                clipped = sum(min(c, r) * r for c, r in zip(g_c, g_r))
                total += math.exp(-gap * gap / (2 * SIGMA ** 2)) * clipped / norm
            by_n.append(10 * total / len(own))
        scores.append(sum(by_n) / N)
    return scores


def main():
    rng = random.Random(4)
    words = ["a", "red", "blue", "cat", "dog", "sits", "runs", "on", "the", "mat", "under", "tree"]
    sentence = lambda: [rng.choice(words) for _ in range(rng.choice([1, 2, 3, 5, 7, 12]))]
    references = [[sentence() for _ in range(rng.randint(1, 4))] for _ in range(9)]
    candidates = [own[0][:] if i % 3 == 0 else own[0][:2] + sentence() for i, own in enumerate(references)]
    candidates[4] = []
    candidates[5] = ["a", "unicorn", "on", "the", "the", "the", "mat"]
    path = pathlib.Path(__file__).with_name("cider.json")
    record = {"what": "CIDEr-D from its definition", "script": "test/golden/cider.py", "candidates": candidates, "references": references,
              "scores": cider_d(candidates, references)}
    path.write_text(json.dumps(record, separators=(",", ":")) + "\n")
    print(path.name, record["scores"])


if __name__ == "__main__":
    main()
