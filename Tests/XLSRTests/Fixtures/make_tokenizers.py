"""Writes tokenizers.json: what transformers' Wav2Vec2CTCTokenizer decodes and encodes, for several kinds of files.

Made with transformers 5.23. Run: python make_tokenizers.py (no network, a few seconds).
"""

import json
import random
import tempfile
from pathlib import Path

from transformers import Wav2Vec2CTCTokenizer

SEQUENCES, TEXTS = 27, 12


def vocabulary(*tokens):
    return {token: i for i, token in enumerate(tokens)}


def added(content, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False,
            "special": False, **flags}


LETTERS = "abcdefghijklmnopqrstuvwxyz"
STANDARD = ["<pad>", "<s>", "</s>", "<unk>", "|"]
NESTED = {
    "eng": vocabulary("<pad>", "<s>", "</s>", "<unk>", "|", *"etaoin'"),
    "khm": vocabulary("<pad>", "|", "ក", "ខ", "្", "kh", "ា", "<unk>", "<s>", "</s>"),
}

# name -> (files, language)
KINDS = {
    "demo": ({
        "vocab.json": {"[PAD]": 36, "[UNK]": 35, "|": 0} | {c: i + 1 for i, c in enumerate(LETTERS + "åçéêöüış")},
        "tokenizer_config.json": {
            "added_tokens_decoder": {
                "0": added("|", special=True), "35": added("[UNK]", lstrip=True, rstrip=True),
                "36": added("[PAD]", lstrip=True, rstrip=True)},
            "bos_token": None, "eos_token": None, "pad_token": "[PAD]", "unk_token": "[UNK]",
            "model_max_length": 1000000000000000019884624838656, "word_delimiter_token": "|",
            "replace_word_delimiter_char": " ", "target_lang": None, "do_lower_case": False},
        "special_tokens_map.json": {"pad_token": "never read", "unk_token": "never read"}}, None),
    "standard": ({"vocab.json": vocabulary(*STANDARD, *"ETAONIHSRDLUMWCFGYPBVK'XJQZ")}, None),
    "added beyond vocabulary": ({
        "vocab.json": vocabulary("|", *LETTERS, "'"),
        "added_tokens.json": {"<pad>": 28, "<s>": 29, "</s>": 30, "<unk>": 31, "[hes]": 32},
        "special_tokens_map.json": {
            "bos_token": "<s>", "eos_token": "</s>", "unk_token": added("<unk>"), "pad_token": added("<pad>"),
            "additional_special_tokens": ["<s>", "</s>", "<s>", "[new]"]},
        "tokenizer_config.json": {"do_lower_case": False, "clean_up_tokenization_spaces": True}}, None),
    "lower case": ({
        "vocab.json": vocabulary(*STANDARD, *"EIAOΣΑΣßİÄ", "SS", "'"),
        "tokenizer_config.json": {"do_lower_case": True}}, None),
    "underscores": ({
        "vocab.json": vocabulary(*LETTERS[:8], "|", "_", " ", "<unk>", "<pad>"),
        "tokenizer_config.json": {"replace_word_delimiter_char": "_"}}, None),
    "several letters": ({
        "vocab.json": vocabulary("[PAD]", "|", "a", "b", "c", "ch", "sch", "s", "h", "tsch", "t", "", "aa", "[UNK]"),
        "tokenizer_config.json": {
            "pad_token": {"__type": "AddedToken", **added("[PAD]")}, "unk_token": "[UNK]",
            "added_tokens_decoder": {
                "13": added("[UNK]"), "14": added("<w>", single_word=True), "15": added("<l>", lstrip=True),
                "16": added("<r>", rstrip=True), "20": added("<far>")}}}, None),
    "nested, default language": ({
        "vocab.json": NESTED, "tokenizer_config.json": {"target_lang": "khm"}}, None),
    "nested, chosen language": ({
        "vocab.json": NESTED, "tokenizer_config.json": {"target_lang": "khm"}}, "eng"),
    "space delimiter": ({
        "vocab.json": vocabulary(" ", "a", "b", "c", "<unk>", "d", "<pad>"),
        "tokenizer_config.json": {"word_delimiter_token": " "}}, None),
    "combining marks": ({
        "vocab.json": vocabulary("<pad>", "|", "e", "\u0301", "é", "e\u0301", "\u0308", "ä", "한", "\u1112", "\u1161",
                                 "\u11ab", "\u200d", "👩", "\u00a0", "\u001c", "\u3000", "\u200b", "<unk>", "\t", "\n")},
        None),
    "two delimiters, holes": ({
        "vocab.json": {"<pad>": 3, "*": 7, "|": 9, "a": 4, "b": 12, "c": 30, "<unk>": 0},
        "tokenizer_config.json": {"word_delimiter_token": "*"}}, None),
    "punctuation": ({
        "vocab.json": vocabulary(*STANDARD, *".?!,'", "n", "t", "m", "s", "v", "e", "r"),
        "tokenizer_config.json": {"clean_up_tokenization_spaces": True}}, None),
}


def write(folder, files, ascii_only):
    texts = {name: json.dumps(content, ensure_ascii=ascii_only) for name, content in files.items()}
    for name, text in texts.items():
        Path(folder, name).write_text(text, encoding="utf-8")
    return texts


def load(folder, files, language):
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder, **({"target_lang": language} if language else {}))
    # transformers 5.23 drops this setting while loading and in its setter; transformers 4 honours it.
    delimiter = files.get("tokenizer_config.json", {}).get("word_delimiter_token")
    if delimiter:
        tokenizer._word_delimiter_token = delimiter
    return tokenizer


def sequence(random, tokenizer):
    ids = sorted(set(tokenizer.get_vocab().values()))
    common = random.sample(ids, min(4, len(ids))) + [tokenizer.pad_token_id, tokenizer.word_delimiter_token_id or 0]
    result = []
    length = random.choice([1, 3, 12, 30, 40])
    while len(result) < length:
        pick = random.choice(common) if random.random() < 0.7 else random.choice(ids)
        if random.random() < 0.03:
            pick = random.choice([-1, ids[-1] + 1, 123456])
        result += [pick] * random.choice([1, 1, 1, 2, 3])
    return result


def text(random, tokenizer):
    tokens = [token for token in tokenizer.get_vocab() if token]
    pieces = tokens + [token.lower() for token in tokens] + [" ", " ", " ", "  ", "é", "x\u0301", "\t", "Ž"]
    return "".join(random.choice(pieces) for _ in range(random.choice([1, 4, 10, 16])))


def main():
    rng = random.Random(7)
    cases = []
    for number, (name, (files, language)) in enumerate(KINDS.items()):
        with tempfile.TemporaryDirectory() as folder:
            texts = write(folder, files, ascii_only=number % 2 == 0)
            tokenizer = load(folder, files, language)
        decoded = []
        for _ in range(SEQUENCES):
            ids = sequence(rng, tokenizer)
            output = tokenizer.decode(ids, output_char_offsets=True, output_word_offsets=True)
            assert tokenizer.batch_decode([ids]) == [output.text]
            decoded.append({
                "ids": ids, "text": output.text,
                "characters": [c["char"] for c in output.char_offsets],
                "character_offsets": [int(c[k]) for c in output.char_offsets for k in ("start_offset", "end_offset")],
                "words": [w["word"] for w in output.word_offsets],
                "word_offsets": [int(w[k]) for w in output.word_offsets for k in ("start_offset", "end_offset")]})
        encoded = []
        # A last text that holds every character of the vocabulary.
        every = " ".join(sorted(token for token in tokenizer.get_vocab() if token))
        for string in [text(rng, tokenizer) for _ in range(TEXTS)] + ["", " ", every]:
            # What a call gives, but calls fail on a None at the front.
            ids = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(string))
            # None stands where the unknown token is an added one; this engine gives that token's id.
            encoded.append({"text": string, "ids": [tokenizer.unk_token_id if id is None else id for id in ids]})
        cases.append({
            "name": name, "files": texts, "language": language, "lower_case": tokenizer.do_lower_case,
            "blank": tokenizer.pad_token_id, "size": len(tokenizer), "decoded": decoded, "encoded": encoded})
    path = Path(__file__).with_name("tokenizers.json")
    path.write_text(json.dumps(cases, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")
    print(path.stat().st_size, "bytes")


main()
