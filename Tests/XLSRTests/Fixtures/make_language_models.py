"""Writes the fixtures of the language model's tests: python3 make_language_models.py PATH_TO_BUILD_BINARY

Needs kenlm 0.3.0 (pip), whose scores are the truth, and KenLM's build_binary, compiled from the sources of the same
package with KENLM_MAX_ORDER=6.
"""
import argparse
import gzip
import json
import math
import random
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

import kenlm

HERE = Path(__file__).parent / "language-model"
VOCABULARY = "a the cat dog sat on mat häuser naïve 東京 ein zwei drei vier über lang kurz".split()
UNKNOWN = ["zzz", "Cat", "<unk>", "<UNK>", "ha\u0308user"]


def corpus(rng, vocabulary, sentences, longest):
    """Sentences in which a word prefers a few followers, so that longer n-grams repeat."""
    followers = {word: rng.choices(vocabulary, k=3) for word in ["<s>"] + vocabulary}
    for _ in range(sentences):
        words = ["<s>"]
        for _ in range(rng.randint(1, longest)):
            words.append(rng.choice(followers[words[-1]] if rng.random() < 0.8 else vocabulary))
        yield words + ["</s>"]


def ngrams(sentences, order):
    """The n-grams of each order with log10 weights: absolute discounting, enough to look like a real model."""
    counts = [Counter() for _ in range(order)]
    for words in sentences:
        for n in range(1, order + 1):
            for start in range(len(words) - n + 1):
                counts[n - 1][tuple(words[start : start + n])] += 1
    del counts[0][("<s>",)]
    total = sum(counts[0].values())
    model = [{gram: [math.log10(0.9 * count / total), None] for gram, count in counts[0].items()}]
    model[0][("<s>",)] = [-99, None]
    for n in range(2, order + 1):
        contexts = defaultdict(int)
        for gram, count in counts[n - 1].items():
            contexts[gram[:-1]] += count
        model.append(
            {gram: [math.log10((count - 0.4) / contexts[gram[:-1]]), None] for gram, count in counts[n - 1].items()}
        )
        kinds = Counter(gram[:-1] for gram in counts[n - 1])
        for context, kind in kinds.items():
            model[n - 2][context][1] = math.log10(0.4 * kind / contexts[context])
    return model


def prune_suffixes(rng, model, share):
    """Leaves n-grams out that others end with but none begins with, as SRILM may: KenLM fills them with blanks."""
    for n in range(1, len(model) - 1):
        for gram in [gram for gram, (_, backoff) in model[n].items() if backoff is None]:
            if rng.random() < share:
                del model[n][gram]


def write_arpa(path, model, unknown=None, line_end="\n", header=""):
    if unknown is not None:
        model[0][("<unk>",)] = unknown
    lines = [header, "\\data\\"] + [f"ngram {n}={len(grams)}" for n, grams in enumerate(model, 1)]
    for n, grams in enumerate(model, 1):
        lines += ["", f"\\{n}-grams:"]
        for gram, (probability, backoff) in sorted(grams.items()):
            fields = [f"{probability:.7g}", " ".join(gram)] + ([] if backoff is None else [f"{backoff:.7g}"])
            lines.append("\t".join(fields))
    path.write_bytes(line_end.join(lines + ["", "\\end\\", ""]).encode())


def sequences(rng, vocabulary, count):
    for index in range(count):
        words = [rng.choice(vocabulary) for _ in range(rng.randint(1, 9))]
        if rng.random() < 0.4:
            words[rng.randrange(len(words))] = rng.choice(UNKNOWN)
        yield index % 2 == 0, words + (["</s>"] if index % 3 else [])


def score(model, begins, words):
    state = kenlm.State()
    model.BeginSentenceWrite(state) if begins else model.NullContextWrite(state)
    scores = []
    for word in words:
        after = kenlm.State()
        scores.append(model.BaseScore(state, word, after))
        state = after
    return scores, state


def expected(paths, cases):
    """What KenLM says of each case, which must be the same for all files; equal states have equal numbers."""
    answers = []
    for path in paths:
        model = kenlm.Model(str(path))
        scored = [score(model, begins, words) for begins, words in cases]
        # KenLM doesn't hash the length of a state, so that equality alone counts.
        states = []
        numbers = []
        for _, state in scored:
            number = next((i for i, known in enumerate(states) if known == state), len(states))
            if number == len(states):
                states.append(state)
            numbers.append(number)
        answers.append(([scores for scores, _ in scored], numbers))
    for path, answer in zip(paths, answers):
        assert answer == answers[0], f"{path} differs from {paths[0]}"
    return [
        {"begins": begins, "words": words, "scores": scores, "state": number}
        for (begins, words), scores, number in zip(cases, *answers[0])
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("build_binary")
    tool = parser.parse_args().build_binary
    HERE.mkdir(exist_ok=True)
    rng = random.Random(7)

    def build(name, source, *options):
        path = HERE / name
        subprocess.run([tool, *options, str(HERE / source), str(path)], check=True)
        return path

    three = ngrams(list(corpus(rng, VOCABULARY, 60, 8)), 3)
    write_arpa(HERE / "three.arpa", three, unknown=[-2.5, 0])
    (HERE / "three.arpa.gz").write_bytes(gzip.compress((HERE / "three.arpa").read_bytes(), mtime=0))
    for n in (1, 2):
        highest = {gram: [probability, None] for gram, (probability, _) in three[n - 1].items()}
        write_arpa(HERE / f"lower{n}.arpa", [*map(dict, three[: n - 1]), highest], unknown=[-2.5, None])
    lower = f"{HERE / 'lower1.arpa'} {HERE / 'lower2.arpa'}"
    plain = [
        build("three.probing", "three.arpa", "probing"),
        build("three.trie", "three.arpa", "trie"),
        build("three.array-trie", "three.arpa", "-a", "64", "trie"),
    ]
    rest = build("three.rest-probing", "three.arpa", "-r", lower, "probing")
    for n in (1, 2):
        (HERE / f"lower{n}.arpa").unlink()
    quantized = [
        build("three.quantized-trie", "three.arpa", "-q", "3", "-b", "4", "trie"),
        build("three.quantized-array-trie", "three.arpa", "-q", "3", "-b", "4", "-a", "64", "trie"),
    ]
    cases = list(sequences(rng, VOCABULARY, 60))
    families = {
        "three": (["three.arpa"] + [path.name for path in plain + [rest]], cases),
        "three quantized": ([path.name for path in quantized], cases),
    }

    small = VOCABULARY[:9]
    five = ngrams(list(corpus(rng, small, 14, 7)), 5)
    prune_suffixes(rng, five, 0.5)
    write_arpa(HERE / "five.arpa", five, line_end="\r\n", header="# no <unk>, pruned")
    build("five.probing", "five.arpa", "-p", "1.8", "-v", "probing")
    build("five.array-trie", "five.arpa", "-a", "2", "trie")
    families["five"] = (["five.arpa", "five.probing", "five.array-trie"], list(sequences(rng, small, 60)))

    write_arpa(HERE / "two.arpa", ngrams(list(corpus(rng, small, 20, 5)), 2), unknown=[-3, None])
    build("two.probing", "two.arpa", "probing")
    build("two.trie", "two.arpa", "trie")
    families["two"] = (["two.arpa", "two.probing", "two.trie"], list(sequences(rng, small, 30)))

    result = [
        {"name": name, "files": files, "cases": expected([HERE / file for file in files], cases)}
        for name, (files, cases) in families.items()
    ]
    result[0]["files"].append("three.arpa.gz")
    rows = ",\n".join(
        json.dumps({**family, "cases": []}, ensure_ascii=False)[:-2]
        + "\n"
        + ",\n".join(json.dumps(case, ensure_ascii=False) for case in family["cases"])
        + "]}"
        for family in result
    )
    (HERE / "expected.json").write_text(f"[{rows}]\n")


if __name__ == "__main__":
    main()
