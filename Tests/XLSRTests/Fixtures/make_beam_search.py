"""Writes Fixtures/beam: score matrices and what pyctcdecode finds in them.

Needs pyctcdecode 0.5.0, kenlm 0.3.0, numpy 1.26, and for the bundled model's scores torch 2.15 and transformers 5.23.
CPython 3.11: the order of its sets decides between equal scores.

    python make_beam_search.py

scores.bin holds the matrices as 16-bit integers in units of 1/256, so that both sides read the same numbers, fine enough
for no two hypotheses to be equally probable; the language models are small random ones. cases.json says what is where, the settings and the hypotheses. KenLM binaries of the
models lie beside them if a folder with KenLM's build_binary is named: make_beam_search.py FOLDER.
"""

import json
import math
import random
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
from pyctcdecode import Alphabet, BeamSearchDecoderCTC, LanguageModel, build_ctcdecoder
import kenlm

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "beam"
DEMO = HERE.parents[2] / "Sources" / "DemoAssets"
UNIT = 1 / 256
rng = random.Random(7)
LOWER = [chr(c) for c in range(ord("a"), ord("z") + 1)]

ALPHABETS = {
    "lower": ["<pad>", "<s>", "</s>", "<unk>", "|"] + LOWER[:12],
    "upper": [c.upper() for c in LOWER[:7]] + ["[PAD]", "'", "|"] + [c.upper() for c in LOWER[7:12]] + ["[UNK]"],
    "accents": ["é", "e\u0301", "e", "ß", " ", "_", "n", "ñ", "o", "ö", "|"],
    "multiple": ["a", "b", "ab", "|", "sch", "s", "ch", "<pad>", "ba", "c", "h"],
    "letters": ["0", "1", "2", "<PAD>", "日", "本", "語", "3"],
    "pieces": ["<unk>", "<pad>", "▁", "▁a", "▁b", "▁ab", "a", "b", "c", "bc", "▁c", "s", "▁s"],
    "numbersigns": ["[PAD]", "[UNK]", "a", "b", "##a", "##b", "ab", "##ab", "c", "##c", "##s", "s"],
}

# For their normalised labels alone.
VOCABULARIES = [
    ["a", "b"],
    ["_", "a", "|", " "],
    ["_", "", "a", "|"],
    ["[pad]", "<Pad>", "<unk>", "[UNK]", "x"],
    ["##", "##a", "▁", "▁b", "", "<s>", "[CLS]", "a", "▁⁇▁", "<x"],
    ["▁", "a", "<unk>", "|", "_"],
    ["<pad]", "[unk>", "pad", "<pads>", "|"],
]


def words_of(name, count):
    """Words that the alphabet can write."""
    labels = [l for l in ALPHABETS[name] if l not in ("|", " ", "_", "▁") and l[0] not in "<["]
    words = set()
    while len(words) < count:
        length = rng.choice([1, 2, 3, 4, 5, 8])
        if name == "pieces":
            first = rng.choice([l for l in labels if l[0] == "▁"])
            word = first[1:] + "".join(rng.choice([l for l in labels if l[0] != "▁"]) for _ in range(length - 1))
        elif name == "numbersigns":
            word = rng.choice([l for l in labels if l[0] != "#"])
            word += "".join(rng.choice([l[2:] for l in labels if l[0] == "#"]) for _ in range(length - 1))
        else:
            word = "".join(rng.choice(labels) for _ in range(length))
        words.add(word)
    return sorted(words)


def write_arpa(path, words, order):
    def weight(low, high):
        return f"{rng.uniform(low, high):.4f}"

    grams = {1: [("<unk>",), ("<s>",), ("</s>",)] + [(w,) for w in words]}
    for n in range(2, order + 1):
        known = set(grams[n - 1])
        grams[n] = sorted(
            {
                gram
                for gram in (
                    (rng.choice(grams[n - 1])) + (rng.choice(words + ["</s>"]),) for _ in range(6 * len(words))
                )
                if "</s>" not in gram[:-1] and "<unk>" not in gram and gram[1:] in known
            }
        )
    lines = ["\\data\\"] + [f"ngram {n}={len(grams[n])}" for n in grams] + [""]
    for n in grams:
        lines.append(f"\\{n}-grams:")
        for gram in grams[n]:
            probability = "-99" if gram == ("<s>",) else weight(-3, -0.3)
            backoff = "0" if gram[-1] in ("</s>", "<unk>") else weight(-1, 0)
            lines.append(f"{probability}\t{' '.join(gram)}" + (f"\t{backoff}" if n < order else ""))
        lines.append("")
    path.write_text("\n".join(lines + ["\\end\\", ""]), encoding="utf-8")


def scores_of_text(name, words, frames):
    """Scores that say some of the words, not too clearly."""
    labels = build_ctcdecoder(ALPHABETS[name])._alphabet.labels
    blank = labels.index("")
    scores = np.array([[rng.gauss(-2, 2) for _ in labels] for _ in range(frames)])
    frame = 0
    while frame < frames:
        word = rng.choice(words)
        text = word if name in ("pieces", "numbersigns") else word + " "
        position = 0
        if name in ("pieces", "numbersigns"):
            text = "▁" + word
        while position < len(text) and frame < frames:
            fits = [i for i, l in enumerate(labels) if l and text.startswith(l, position)]
            if not fits:
                position += 1
                continue
            token = rng.choice(fits)
            position += len(labels[token])
            for _ in range(rng.choice([1, 1, 2])):
                if frame < frames:
                    scores[frame, token] += rng.uniform(2, 9)
                    frame += 1
            if rng.random() < 0.5 and frame < frames:
                scores[frame, blank] += rng.uniform(2, 9)
                frame += 1
    return scores


def demo_scores():
    import torch
    from transformers import AutoFeatureExtractor, Wav2Vec2ForCTC

    model = Wav2Vec2ForCTC.from_pretrained(DEMO / "model", dtype=torch.float32).eval()
    extractor = AutoFeatureExtractor.from_pretrained(DEMO / "model")
    for path in sorted((DEMO / "audio").glob("*.wav")):
        with wave.open(str(path)) as file:
            assert file.getsampwidth() == 2 and file.getnchannels() == 1
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        inputs = extractor(samples.astype(np.float32), sampling_rate=16000, return_tensors="pt")
        with torch.no_grad():
            yield path.stem, model(inputs.input_values).logits[0].numpy()


def settings(name, words):
    hotwords = None
    if rng.random() < 0.4:
        hotwords = [rng.choice(words) for _ in range(rng.choice([1, 2, 5]))]
        if rng.random() < 0.5:
            hotwords.append(f" {rng.choice(words)[:2]}x {rng.choice(words)}")
    result = {
        "beam_width": rng.choice([1, 2, 5, 16, 100, 100, 100]),
        "beam_prune_logp": rng.choice([-10.0, -10.0, -3.0, -50.0]),
        "token_min_logp": rng.choice([-5.0, -5.0, -2.0, -12.0]),
        "prune_history": rng.random() < 0.4,
        "hotwords": hotwords,
        "hotword_weight": rng.choice([10.0, 10.0, 2.5, -4.0]),
    }
    model = None
    if rng.random() < 0.6:
        model = {
            "alpha": rng.choice([0.5, 0.5, 0.9]),
            "beta": rng.choice([1.5, 1.5, 0.0]),
            "unk_score_offset": rng.choice([-10.0, -10.0, -3.0]),
            "score_boundary": rng.random() < 0.7,
            # Null: the words of the ARPA file; pyctcdecode's own rule.
            "unigrams": rng.choice([None, None, sorted(rng.sample(words, len(words) // 2)), []]),
        }
    return result, model


def decode(name, labels, scores, search, language):
    alphabet = build_ctcdecoder(labels)._alphabet
    lm = None
    if language is not None:
        path = str(FOLDER / f"{name}.arpa")
        unigrams = language["unigrams"]
        if unigrams is None:
            lines = Path(path).read_text(encoding="utf-8").split("\\1-grams:")[1].split("\\2-grams:")[0].split("\n")
            unigrams = [line.split("\t")[1] for line in lines if line]
        lm = LanguageModel(kenlm.Model(path), unigrams, **{k: v for k, v in language.items() if k != "unigrams"})
    decoder = BeamSearchDecoderCTC(alphabet, lm)
    return decoder.decode_beams(scores, **search)


def main():
    FOLDER.mkdir(exist_ok=True)
    matrices = bytearray()
    cases = []

    def add(name, labels, words, raw, count):
        raw = raw.reshape(len(raw), -1 if len(raw) else len(build_ctcdecoder(labels)._alphabet.labels))
        quantised = np.clip(np.rint(raw / UNIT), -32767, 32767).astype("<i2")
        offset = len(matrices) // 2
        matrices.extend(quantised.tobytes())
        for index in range(count):
            search, language = settings(name, words)
            beams = decode(name, labels, quantised.astype(np.float64) * UNIT, search, language)
            cases.append(
                {
                    "alphabet": name,
                    "offset": offset,
                    "frames": len(raw),
                    **search,
                    "language_model": language,
                    "count": len(beams),
                    "words": [[word, *frames] for word, frames in beams[0][2]],
                    "beams": [[b[0], round(b[3], 7), round(b[4], 7)] for b in beams[:4]],
                }
            )

    vocabulary = json.loads((DEMO / "model" / "vocab.json").read_text())
    alphabets = dict(ALPHABETS, demo=sorted(vocabulary, key=vocabulary.get))
    for number, name in enumerate(ALPHABETS):
        words = words_of(name, 30)
        write_arpa(FOLDER / f"{name}.arpa", words, order=2 + number % 3)
        columns = len(build_ctcdecoder(ALPHABETS[name])._alphabet.labels)
        for index in range(31):
            frames = index if index < 2 else rng.randint(5, 40)
            if index % 5 == 4:
                raw = np.array([[rng.gauss(0, 2) for _ in range(columns)] for _ in range(frames)])
            else:
                raw = scores_of_text(name, words, frames)
            add(name, ALPHABETS[name], words, raw, 2)
    digits = "zero one two three four five six seven eight nine".split()
    write_arpa(FOLDER / "demo.arpa", digits, order=3)
    for _, raw in demo_scores():
        add("demo", alphabets["demo"], digits, raw, 5)

    (FOLDER / "scores.bin").write_bytes(matrices)
    labels = [
        {"vocabulary": vocabulary, "labels": built.labels, "is_subword": built.is_bpe}
        for vocabulary in [*alphabets.values(), *VOCABULARIES]
        for built in [Alphabet.build_alphabet(vocabulary)]
    ]
    contents = {"unit": UNIT, "alphabets": alphabets, "labels": labels, "cases": cases}
    text = json.dumps(contents, ensure_ascii=False)
    (FOLDER / "cases.json").write_text(text.replace('{"alphabet"', '\n{"alphabet"') + "\n", encoding="utf-8")
    if len(sys.argv) > 1:
        for path in FOLDER.glob("*.arpa"):
            if path.stem in ("lower", "demo"):
                for kind in ("probing", "trie"):
                    subprocess.run(
                        [sys.argv[1] + "/build_binary", kind, path, path.with_suffix(f".{kind}.bin")], check=True
                    )


main()
