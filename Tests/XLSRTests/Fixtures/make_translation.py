"""Writes the fixtures of speech translation beside this file: translation/.

Tiny speech encoder-decoder checkpoints with random weights far from initialisation and odd sizes, their tokenizers of
either kind, and what transformers makes of them: the decoder's logits for given tokens, and the tokens that `generate`
gives under many settings; further tokenizers alone, with lists of tokens and their texts.

    python3 make_translation.py        # transformers 5.24, torch 2.15, tokenizers 0.23.3, sentencepiece 0.2.3
"""

import base64
import json
import math
import os
import random
import shutil
import tempfile

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    MBartConfig,
    MBart50Tokenizer,
    SpeechEncoderDecoderConfig,
    SpeechEncoderDecoderModel,
    Wav2Vec2Config,
)

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "translation")
torch.set_num_threads(1)
torch.manual_seed(0)
random.seed(0)

LANGUAGES = ["de_DE", "en_XX", "fr_XX", "zh_CN", "es_XX", "fi_FI"]
PIECES = (
    ["▁", "▁the", "▁a", "s", "ing", "▁der", "▁Hund", "é", "▁caf", "好", "你", "▁你", "!", "?", ".", ",", "▁.", "'"]
    + ["▁it", "▁n", "n't", "▁do", "🙂", "▁▁", "e\u0301", "\u200b", "▁x▁y", "0", "▁1", "-"]
    + [f"▁{a}{b}" for a in "bklm" for b in "aeiou"]
)


def unigram():
    pieces = ["<s>", "<pad>", "</s>", "<unk>"] + PIECES + LANGUAGES + ["<mask>"]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(i)) for i, piece in enumerate(pieces)], unk_id=3))
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True) for t in ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] + LANGUAGES])
    tokenizer.add_tokens([AddedToken("<plain>", special=False), AddedToken(" spaced ", special=False)])
    return tokenizer


def byte_fallback():
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + PIECES
    tokenizer = Tokenizer(
        models.BPE({p: i for i, p in enumerate(pieces)}, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", "[de]"])
    return tokenizer


def byte_level():
    alphabet = sorted({chr(c) for c in range(0x21, 0x7F)} | set("ĠĊÃ©¤½ä½łå¥"))
    vocabulary = ["<s>", "</s>"] + alphabet + ["Ġthe", "Ġdog", "Ã©"]
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(vocabulary)}, []))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.add_tokens([AddedToken("näher", special=False)])
    return tokenizer


def metaspace(scheme):
    vocabulary = ["<s>", "</s>"] + PIECES
    tokenizer = Tokenizer(models.BPE({p: i for i, p in enumerate(vocabulary)}, []))
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme=scheme)
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


def save_fast(tokenizer, path, **settings):
    os.makedirs(path, exist_ok=True)
    tokenizer.save(os.path.join(path, "tokenizer.json"))
    with open(os.path.join(path, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", **settings}, file)


def varint(value):
    result = b""
    while value >= 0x80:
        result += bytes([value & 0x7F | 0x80])
        value >>= 7
    return result + bytes([value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def sentencepiece_model(pieces):
    """A ModelProto: each piece with its score and, for the first three, its type (unknown, control, control)."""
    result = b""
    for index, piece in enumerate(["<unk>", "<s>", "</s>"] + pieces):
        body = field(1, piece.encode()) + bytes([2 << 3 | 5]) + bytes(4)
        if index < 3:
            body += bytes([3 << 3, 2 if index == 0 else 3])
        result += field(1, body)
    # Trainer and normaliser settings, which a reader passes over.
    trainer = bytes([3 << 3, 2]) + bytes([4 << 3]) + varint(len(pieces) + 3)
    return result + field(2, trainer) + field(3, field(1, b"identity"))


def save_sentencepiece(path, pieces):
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "sentencepiece.bpe.model"), "wb") as file:
        file.write(sentencepiece_model(pieces))
    with open(os.path.join(path, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "MBart50Tokenizer", "src_lang": "en_XX", "tgt_lang": None}, file)


def spread(model):
    """Weights far from initialisation, so that every bias and order shows; every token's chance differs much."""
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            if parameter.dim() > 1 and "embed" not in name and "lm_head" not in name:
                parameter.copy_(torch.randn_like(parameter) / math.sqrt(parameter[0].numel()) * 1.6)
            elif "embed_tokens" in name or "lm_head" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.4)
            elif "embed_positions" in name:
                parameter.copy_(torch.randn_like(parameter) * 4)
            elif name.endswith("norm.weight") or name.endswith("embedding.weight"):
                parameter.copy_(1 + 0.4 * torch.randn_like(parameter))
            else:
                parameter.copy_(0.3 * torch.randn_like(parameter))


ENCODER = dict(
    hidden_size=20, num_hidden_layers=2, num_attention_heads=2, intermediate_size=28, conv_dim=[12, 16],
    conv_kernel=[10, 3], conv_stride=[5, 4], num_feat_extract_layers=2, num_conv_pos_embeddings=7,
    num_conv_pos_embedding_groups=4, do_stable_layer_norm=True, feat_extract_norm="layer", conv_bias=True,
    vocab_size=8,
)


def checkpoint(name, encoder, decoder, composite, save, end):
    path = os.path.join(folder, name)
    shutil.rmtree(path, ignore_errors=True)
    save(path)
    config = SpeechEncoderDecoderConfig.from_encoder_decoder_configs(
        Wav2Vec2Config(**{**ENCODER, **encoder}), MBartConfig(**decoder), **composite)
    model = SpeechEncoderDecoderModel(config).eval()
    spread(model)
    model.tie_weights()
    with torch.no_grad():
        # The end token gets about the score of the best others, so that hypotheses end early, late and at the limit.
        ids = torch.randint(4, 40, (4, 9))
        hidden = model.decoder.model.decoder(
            input_ids=ids, encoder_hidden_states=torch.randn(4, 12, decoder["d_model"])).last_hidden_state.flatten(0, 1)
        weight = model.decoder.get_output_embeddings().weight
        best = (hidden @ weight.T).max(dim=1).values
        mean = hidden.mean(dim=0)
        weight[2] = mean / mean.dot(mean) * (best.mean() + end * best.std()) + 0.1 * torch.randn_like(mean)
    return path, model


def save_model(path, model, binary):
    if binary:
        torch.save(model.state_dict(), os.path.join(path, "pytorch_model.bin"))
        model.config.architectures = ["SpeechEncoderDecoderModel"]
        model.config.save_pretrained(path)
    else:
        model.save_pretrained(path)
    with open(os.path.join(path, "preprocessor_config.json"), "w") as file:
        json.dump({"do_normalize": True, "sampling_rate": 16000, "feature_size": 1, "padding_value": 0.0}, file)


def strip(ids, pad, keep=1):
    ids = list(ids)
    while len(ids) > keep and ids[-1] == pad:
        ids.pop()
    return ids


def audio(count):
    inputs = []
    for index in range(count):
        length = random.randint(260, 900)
        t = torch.arange(length, dtype=torch.float32)
        wave = sum(torch.sin(t * random.uniform(0.02, 1.5) + random.uniform(0, 6)) * random.uniform(0, 1) for _ in range(4))
        inputs.append((0.1 * (wave + 0.6 * torch.randn(length))).contiguous())
    return inputs


def normalized(x):
    return ((x - x.mean()) / torch.sqrt(x.var(unbiased=False) + 1e-7))[None]


def goldens(name, path, inputs, settings, pad, logits_for, tensors, cases):
    # As anyone would load it, so that generation settings come from where from_pretrained looks for them.
    model = SpeechEncoderDecoderModel.from_pretrained(path).eval()
    for index in logits_for:
        ids = torch.tensor([[model.generation_config.decoder_start_token_id] + random.choices(range(4, 40), k=9)])
        with torch.no_grad():
            output = model(input_values=normalized(inputs[index]), decoder_input_ids=ids)
        tensors[f"{name}.tokens.{index}"] = ids[0].to(torch.int32)
        with torch.no_grad():
            tensors[f"{name}.states.{index}"] = model.encoder(normalized(inputs[index]))[0][0].contiguous()
        tensors[f"{name}.logits.{index}"] = output.logits[0].contiguous()
    lengths = set()
    for index, values in enumerate(inputs):
        for number, setting in enumerate(settings):
            if index >= setting.get("inputs", len(inputs)):
                continue
            arguments = {k: v for k, v in setting.items() if k != "inputs"}
            with torch.no_grad():
                output = model.generate(
                    normalized(values), return_dict_in_generate=True, output_scores=True, **arguments)
            scores = output.get("sequences_scores")
            for rank, sequence in enumerate(output.sequences.tolist()):
                ids = strip(sequence, pad)
                lengths.add(len(ids))
                cases.append({
                    "model": name, "input": index, "settings": arguments, "rank": rank, "ids": ids,
                    "score": None if scores is None else float(scores[rank]),
                })
    print(name, "lengths", sorted(lengths))


def main():
    os.makedirs(folder, exist_ok=True)
    tensors, cases = {}, []
    inputs = audio(20)
    for index, values in enumerate(inputs):
        tensors[f"input.{index}"] = values

    # Unequal widths, tied embeddings, ReLU, scaled embeddings, safetensors, settings in generation_config.json.
    size = unigram().get_vocab_size()
    decoder = dict(
        vocab_size=size, d_model=30, decoder_layers=3, decoder_attention_heads=3, decoder_ffn_dim=37,
        encoder_layers=3, encoder_attention_heads=3, encoder_ffn_dim=37, max_position_embeddings=64,
        activation_function="relu", scale_embedding=True, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        forced_eos_token_id=2,
    )
    path, model = checkpoint(
        "plain", {}, decoder, dict(decoder_start_token_id=2, pad_token_id=1, eos_token_id=2),
        lambda p: save_fast(unigram(), p, extra_special_tokens=LANGUAGES), 0.9)
    german = unigram().token_to_id("de_DE")
    model.generation_config = GenerationConfig(
        max_length=14, num_beams=5, decoder_start_token_id=2, pad_token_id=1, eos_token_id=2, bos_token_id=0,
        forced_bos_token_id=german, forced_eos_token_id=2)
    save_model(path, model, binary=False)
    settings = [
        {}, {"num_beams": 1},
        {"num_beams": 1, "repetition_penalty": 1.7, "no_repeat_ngram_size": 2, "max_new_tokens": 17},
        {"num_beams": 5, "length_penalty": 2.0, "early_stopping": True, "max_new_tokens": 12},
        {"num_beams": 5, "length_penalty": -1.0, "early_stopping": "never", "forced_bos_token_id": german + 1},
        {"num_beams": 4, "length_penalty": 0.6, "early_stopping": "never", "no_repeat_ngram_size": 3},
        {"num_beams": 3, "repetition_penalty": 0.6, "min_length": 8, "num_return_sequences": 3},
        {"num_beams": 1, "min_new_tokens": 9, "forced_eos_token_id": None, "inputs": 8},
        {"num_beams": 2, "max_length": 2, "inputs": 2}, {"num_beams": 5, "eos_token_id": [2, 9], "inputs": 10},
        {"num_beams": 7, "repetition_penalty": 1.3, "early_stopping": True, "inputs": 5},
        {"num_beams": 5, "no_repeat_ngram_size": 1, "renormalize_logits": True, "inputs": 6},
        {"num_beams": 4, "repetition_penalty": 1.5, "renormalize_logits": True, "inputs": 6},
    ]
    goldens("plain", path, inputs, settings, 1, [0, 3, 7], tensors, cases)

    # Equal widths, an adapter, its own output matrix, GELU, a .bin file, settings in config.json, sentencepiece.
    size = 4 + len(PIECES) + 52 + 1
    decoder |= dict(
        vocab_size=size, d_model=24, decoder_attention_heads=2, encoder_attention_heads=2, activation_function="gelu",
        scale_embedding=False, tie_word_embeddings=False, decoder_ffn_dim=41, max_length=11, num_beams=5,
    )
    adapter = dict(add_adapter=True, output_hidden_size=24, num_adapter_layers=2, adapter_kernel_size=3, adapter_stride=2)
    path, model = checkpoint(
        "adapter", adapter, decoder, dict(decoder_start_token_id=2, pad_token_id=1, eos_token_id=2),
        lambda p: save_sentencepiece(p, PIECES), -1.2)
    save_model(path, model, binary=True)
    fields = json.load(open(os.path.join(path, "config.json")))
    fields["decoder"] |= {"max_length": 11, "num_beams": 5}
    json.dump(fields, open(os.path.join(path, "config.json"), "w"), indent=1)
    settings = [{}, {"num_beams": 1}, {"num_beams": 5, "length_penalty": 0.0, "forced_bos_token_id": size - 3, "inputs": 8}]
    goldens("adapter", path, inputs, settings, 1, [0, 5], tensors, cases)

    save_file(tensors, os.path.join(folder, "golden.safetensors"))
    with open(os.path.join(folder, "golden.json"), "w") as file:
        json.dump(cases, file, separators=(",", ":"))

    tokenizers = []
    with tempfile.TemporaryDirectory() as temporary:
        for name, make, settings in [
            ("unigram", unigram, dict(extra_special_tokens=LANGUAGES)), ("byte fallback", byte_fallback, {}),
            ("byte level", byte_level, {}), ("byte level, cleaned", byte_level, dict(clean_up_tokenization_spaces=True)),
            ("metaspace first", lambda: metaspace("first"), {}), ("metaspace never", lambda: metaspace("never"), {}),
            ("cleaned", unigram, dict(clean_up_tokenization_spaces=True)), ("sentencepiece", None, {}),
        ]:
            path = os.path.join(temporary, name)
            if make:
                save_fast(make(), path, **settings)
                tokenizer = AutoTokenizer.from_pretrained(path)
            else:
                save_sentencepiece(path, PIECES)
                tokenizer = MBart50Tokenizer.from_pretrained(path)
            count = len(tokenizer)
            lists = [[], [0], list(range(count))] + [random.choices(range(count), k=random.randint(1, 14)) for _ in range(60)]
            texts = tokenizer.batch_decode(lists, skip_special_tokens=True)
            files = {}
            for file_name in os.listdir(path):
                with open(os.path.join(path, file_name), "rb") as file:
                    files[file_name] = base64.b64encode(file.read()).decode()
            tokenizers.append({
                "name": name, "files": files, "size": count,
                "decoded": [{"ids": ids, "text": text} for ids, text in zip(lists, texts)],
            })
    with open(os.path.join(folder, "tokenizers.json"), "w") as file:
        json.dump(tokenizers, file, separators=(",", ":"), ensure_ascii=False)


main()
