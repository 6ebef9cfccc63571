"""Write jiwer's counts and measures of random pairs of texts.

usage: make_error_counts.py          (writes error_counts.json)

Needs jiwer 4.0 and rapidfuzz 3.14. The texts come from a generator that the tests have, too: see ErrorCountTests.swift.
Each case is [hits, substitutions, deletions, insertions] of words, the same of characters, and mer, wil, wip, cer.
"""
import json
import pathlib

import jiwer

from make_random import Random

HERE = pathlib.Path(__file__).parent
WORDS = ["a", "be", "sea", "ceé", "tea", "É", "ab ", " of", "ο", "the", "then", "x\ty", "  "]


def text(random, count):
    return " ".join(WORDS[random.below(len(WORDS))] for _ in range(count))


def pair(seed):
    random = Random(seed)
    limit = [3, 8, 20, 120][seed % 4]
    reference = text(random, random.below(limit + 1))
    if seed % 2:
        return reference, text(random, random.below(limit + 1))
    # A hypothesis near its reference, as a recogniser's is.
    words = reference.split(" ")
    for _ in range(random.below(limit // 2 + 1)):
        place, kind = random.below(len(words) + 1), random.below(3)
        if kind == 0:
            words.insert(place, text(random, 1))
        elif place < len(words):
            words[place:place + 1] = [text(random, 1)] if kind == 1 else []
    return reference, " ".join(words)


cases = []
for seed in range(1000):
    reference, hypothesis = pair(seed)
    words, characters = jiwer.process_words(reference, hypothesis), jiwer.process_characters(reference, hypothesis)
    counts = [[o.hits, o.substitutions, o.deletions, o.insertions] for o in (words, characters)]
    measures = [round(float(m), 12) for m in (words.wer, words.mer, words.wil, words.wip, characters.cer)]
    cases.append(json.dumps(counts + [measures], separators=(",", ":")))
header = json.dumps(dict(jiwer="4.0.0", cases=[]))
(HERE / "error_counts.json").write_text(header[:-2] + "\n" + ",\n".join(cases) + "\n]}\n")
