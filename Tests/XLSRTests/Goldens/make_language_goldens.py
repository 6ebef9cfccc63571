"""Write tiny checkpoints with language adapters, a language classifier, and checkpoints as fairseq writes them, and what
transformers computes from them.

usage: make_language_goldens.py [adapters] [fairseq]      (default: both)

Needs what make_goldens.py needs, and omegaconf 2.0.6 (fairseq's) for genuine pickles of its containers; fairseq itself
isn't needed: its names are those of transformers' convert_wav2vec2_original_pytorch_checkpoint_to_pytorch.py, and the
few classes whose instances it pickles are made here under their names.
"""
import argparse
import collections
import enum
import itertools
import json
import shutil
import sys
import types
from dataclasses import dataclass, field
from typing import Any, Tuple

import numpy as np
import torch
import transformers
from transformers import (Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC,
                          Wav2Vec2ForPreTraining, Wav2Vec2ForSequenceClassification)

from make_goldens import (GROUP_POST, HERE, LAYER_STABLE, LETTERS, TINY_CONVOLUTIONS, draw, run, samples_of, save_file,
                          sizes, versions)

SIZES = sizes(24, 2, 2, 40, 8, 2)
LENGTHS = (365, 1501, 1101)
LANGUAGES = {"eng": LETTERS, "deu": LETTERS + list("äöüß"), "fra": list("abcdefgàâéèêç'")}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_config(folder, model):
    settings = model.config.to_dict()
    settings.pop("transformers_version", None)
    write_json(folder / "config.json", settings)


def save_model(folder, model):
    write_config(folder, model)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "model.safetensors", {"format": "pt"})
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(folder)


def adapter_model(vocabulary_size):
    config = Wav2Vec2Config(**LAYER_STABLE, **TINY_CONVOLUTIONS, **SIZES, adapter_attn_dim=6, vocab_size=vocabulary_size)
    config.architectures = ["Wav2Vec2ForCTC"]
    return Wav2Vec2ForCTC(config).eval()


def add_taps(tensors, taps, suffix):
    tensors |= {f"{name}{suffix}": value.float().contiguous() for name, value in taps.items()}


def write_adapters():
    folder = HERE / "language-adapters"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    specials = ["<pad>", "<s>", "</s>", "<unk>", "|"]
    vocabularies = {language: {token: i for i, token in enumerate(specials + letters)}
                    for language, letters in LANGUAGES.items()}
    base = adapter_model(len(vocabularies["eng"]))
    draw(base, "adapters", torch.float32)
    save_model(folder, base)
    write_json(folder / "vocab.json", vocabularies | {"ita": vocabularies["eng"]})
    write_json(folder / "tokenizer_config.json", {"target_lang": "eng", "tokenizer_class": "Wav2Vec2CTCTokenizer"})
    for language in ("deu", "fra"):
        other = adapter_model(len(vocabularies[language]))
        draw(other, f"adapters {language}", torch.float32)
        weights = {name: value.data.contiguous() for name, value in other._get_adapters().items()}
        if language == "deu":
            save_file(weights, folder / f"adapter.{language}.safetensors", {"format": "pt"})
        else:
            torch.save(weights, folder / f"adapter.{language}.bin")

    extractor = Wav2Vec2FeatureExtractor.from_pretrained(folder)
    tensors, metadata = {}, versions()
    texts = {}
    for language in LANGUAGES:
        model = Wav2Vec2ForCTC.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        if language != "eng":
            model.load_adapter(language)
        model = model.eval().double()
        tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder, target_lang=language)
        for i, length in enumerate(LENGTHS):
            samples = samples_of(length, 16000, i)
            tensors[f"input.{i}"] = torch.from_numpy(samples)
            taps, _ = run(model, samples, extractor)
            if language != "eng":
                taps = {name: taps[name] for name in ("hidden_states.1", "last_hidden_state", "logits")}
            add_taps(tensors, taps, f".{i}" if language == "eng" else f".{language}.{i}")
            text = tokenizer.batch_decode(taps["logits"].argmax(-1)[None])[0]
            metadata[f"text.{i}" if language == "eng" else f"text.{language}.{i}"] = texts[language, i] = text
    assert len({texts[language, 1] for language in LANGUAGES}) == 3
    for i in range(3):  # the languages differ, and so does every layer
        for name in ("hidden_states.1", "last_hidden_state"):
            assert not torch.allclose(tensors[f"{name}.{i}"], tensors[f"{name}.deu.{i}"], rtol=0.05)
    write_classifier(tensors, metadata)
    save_file(tensors, folder / "golden.safetensors", metadata)


def write_classifier(tensors, metadata):
    """Labels in three spellings; the languages that it hears go into the golden."""
    folder = HERE / "language-classifier"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    labels = ["deu", "fr", "en: English"]
    config = Wav2Vec2Config(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(16, 2, 1, 24, 4, 2), num_labels=3,
                            classifier_proj_size=8, id2label=dict(enumerate(labels)))
    config.architectures = ["Wav2Vec2ForSequenceClassification"]
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=True)
    inputs = [extractor.zero_mean_unit_var_norm([tensors[f"input.{i}"].numpy().astype(np.float64)], None)[0] for i in range(3)]

    def scores(model):
        with torch.no_grad():
            return torch.cat([model(torch.from_numpy(values)[None]).logits for values in inputs])

    for seed in range(100):
        model = Wav2Vec2ForSequenceClassification(config).eval()
        draw(model, f"classifier {seed}", torch.float32)
        model = model.double()
        model.classifier.bias.data -= scores(model).mean(0)  # else one label wins always
        model = model.float().double()
        probabilities, heard = scores(model).softmax(-1).max(-1)
        if len(set(heard.tolist())) == 3 and probabilities.min() > 0.4 and probabilities.max() < 0.99:
            break
    else:
        raise AssertionError("no seed hears three languages")
    save_model(folder, model.float())
    for i, (label, probability) in enumerate(zip(heard.tolist(), probabilities.tolist())):
        metadata[f"label.{i}"] = labels[label]
        metadata[f"probability.{i}"] = f"{probability:.6f}"


# fairseq

def module(name):
    """A module of fairseq, as far as pickles name it."""
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    return sys.modules[name]


def named(name, thing):
    place = module(name)
    thing.__module__ = name
    setattr(place, thing.__name__, thing)
    return thing


class Dictionary:
    def __init__(self, letters):
        self.bos_word, self.unk_word, self.pad_word, self.eos_word = "<s>", "<unk>", "<pad>", "</s>"
        self.symbols = ["<s>", "<pad>", "</s>", "<unk>"] + letters
        self.count = [1] * 4 + list(range(len(letters), 0, -1))
        self.indices = {symbol: i for i, symbol in enumerate(self.symbols)}


class ExtractorMode(enum.Enum):
    default = "default"
    layer_norm = "layer_norm"


class Choice(str, enum.Enum):
    no_c10d = "no_c10d"


@dataclass
class Wav2Vec2ModelConfig:
    _name: str = "wav2vec2"
    extractor_mode: ExtractorMode = ExtractorMode.default
    encoder_layers: int = 12
    encoder_embed_dim: int = 768
    encoder_ffn_embed_dim: int = 3072
    encoder_attention_heads: int = 12
    activation_fn: str = "gelu"
    layer_norm_first: bool = False
    conv_feature_layers: str = ""
    conv_bias: bool = False
    quantize_targets: bool = False
    quantize_input: bool = False
    target_glu: bool = False
    latent_vars: int = 320
    latent_groups: int = 2
    latent_dim: int = 0
    final_dim: int = 0
    conv_pos: int = 128
    conv_pos_groups: int = 16
    latent_temp: Tuple[float, float, float] = (2, 0.5, 0.999995)
    layer_type: str = "transformer"


@dataclass
class TaskConfig:
    _name: str = "audio_pretraining"
    normalize: bool = False
    sample_rate: int = 16000
    labels: Any = None


named("fairseq.data.dictionary", Dictionary)
named("fairseq.dataclass.constants", ExtractorMode)
named("fairseq.dataclass.constants", Choice)
named("fairseq.models.wav2vec.wav2vec2", Wav2Vec2ModelConfig)
named("fairseq.tasks.audio_pretraining", TaskConfig)


def fairseq_name(name, layer_norm):
    """transformers' name to fairseq's: its converter's mapping, backwards."""
    name = name.removeprefix("wav2vec2.")
    plain = {"masked_spec_embed": "mask_emb", "quantizer.codevectors": "quantizer.vars"}
    if name in plain:
        return plain[name]
    for ours, theirs in (("feature_projection.projection", "post_extract_proj"), ("feature_projection.layer_norm", "layer_norm"),
                         ("encoder.pos_conv_embed.conv", "encoder.pos_conv.0"), ("project_hid", "final_proj"),
                         ("attention.", "self_attn."), ("feed_forward.intermediate_dense", "fc1"),
                         ("feed_forward.output_dense", "fc2"), ("parametrizations.weight.original0", "weight_g"),
                         ("parametrizations.weight.original1", "weight_v")):
        name = name.replace(ours, theirs)
    if name.startswith("encoder.layers."):
        parts = name.split(".")
        if parts[3] == "layer_norm":
            parts[3] = "self_attn_layer_norm"
        return ".".join(parts)
    if "conv_layers" in name:
        return name.replace(".conv.", ".0.").replace(".layer_norm.", ".2.1." if layer_norm else ".2.")
    return name


def encoder_settings(config, layer_norm, **more):
    layers = list(zip(config.conv_dim, config.conv_kernel, config.conv_stride))
    text = f"[{layers[0]}] + [{layers[1]}] * 1 + {layers[2:]}"
    return dict(encoder_layers=config.num_hidden_layers, encoder_embed_dim=config.hidden_size,
                encoder_ffn_embed_dim=config.intermediate_size, encoder_attention_heads=config.num_attention_heads,
                layer_norm_first=config.do_stable_layer_norm, conv_feature_layers=text, conv_bias=config.conv_bias,
                conv_pos=config.num_conv_pos_embeddings, conv_pos_groups=config.num_conv_pos_embedding_groups, **more)


class FairseqInput:
    """torch.nn.functional.layer_norm over the waveform, or nothing."""

    def __init__(self, normalizes):
        self.do_normalize = normalizes

    def zero_mean_unit_var_norm(self, values, mask):
        return [torch.nn.functional.layer_norm(torch.from_numpy(x), x.shape).numpy() for x in values]


def bookkeeping(state):
    """What training leaves in a file beside weights and settings."""
    first = next(iter(state.values()))
    meter = collections.OrderedDict(name=collections.defaultdict(int, {"train": 3}))
    return dict(
        criterion=None, optimizer_history=[dict(criterion_name="CtcCriterion", num_updates=20000, best_loss=np.float64(0.5))],
        extra_state=dict(train_iterator=dict(epoch=1, shuffle=True), val_loss=np.float32(3.5), metrics=meter, seen={1, 2}),
        last_optimizer_state=dict(state={0: dict(step=1, exp_avg=torch.zeros_like(first))}, param_groups=[]))


def golden_of(model, normalizes, symbols=None):
    tensors, metadata = {}, versions()
    for i, length in enumerate(LENGTHS):
        samples = samples_of(length, 16000, i)
        if normalizes:
            samples = (0.01 * samples).astype(np.float32)  # so quiet that ε shows
        tensors[f"input.{i}"] = torch.from_numpy(samples)
        taps, _ = run(model, samples, FairseqInput(normalizes))
        add_taps(tensors, taps, f".{i}")
        if symbols:  # fairseq: equal neighbours once, no blank, no </s>, letters joined, | between words
            ids = [k for k, _ in itertools.groupby(taps["logits"].argmax(-1).tolist()) if k not in (0, 2)]
            metadata[f"text.{i}"] = "".join(symbols[k] for k in ids).replace("|", " ").strip()
    return tensors, metadata


def write_ctc(folder):
    from omegaconf import OmegaConf
    letters = ["|"] + LETTERS
    config = Wav2Vec2Config(**LAYER_STABLE, **TINY_CONVOLUTIONS, **SIZES, vocab_size=4 + len(letters))
    model = Wav2Vec2ForCTC(config).eval()
    draw(model, "fairseq ctc", torch.float32)
    state = collections.OrderedDict()
    for name, value in model.state_dict().items():
        found = fairseq_name(name, True)
        prefix = "w2v_encoder." if found.startswith("lm_head") else "w2v_encoder.w2v_model."
        state[prefix + found.replace("lm_head", "proj")] = value
    settings = encoder_settings(config, True, extractor_mode="layer_norm")
    lines = "".join(f"{letter} {1000 - i}\n" for i, letter in enumerate(letters))
    (folder / "dict.ltr.txt").write_text(lines)

    # 2020: argparse, the file layout before torch 1.6.
    inner = argparse.Namespace(arch="wav2vec2", normalize=True, **settings)
    args = argparse.Namespace(arch="wav2vec_ctc", normalize=True, labels="ltr", sample_rate=16000, w2v_args=inner,
                              w2v_path="/checkpoint/pretrained.pt", final_dropout=0.0)
    torch.save(dict(args=args, model=state, **bookkeeping(state)), folder / "ctc-args.pt",
               _use_new_zipfile_serialization=False)

    # 2021: omegaconf, with references; the tokens are in the file.
    pretraining = OmegaConf.create(dict(model=dict(_name="wav2vec2", **settings), task=dict(normalize=True),
                                        common=dict(ddp_backend="no_c10d")))
    cfg = OmegaConf.create(dict(
        _name=None, common=dict(seed=1),
        model=dict(_name="wav2vec_ctc", normalize="${task.normalize}", data="${task.data}", w2v_path="x", blank_weight=0.0),
        task=OmegaConf.structured(TaskConfig(_name="audio_finetuning", normalize=True, labels="ltr"))))
    cfg.model.w2v_args = pretraining
    checkpoint = dict(args=None, cfg=cfg, model=state, task_state=dict(target_dictionary=Dictionary(letters)))
    (folder / "whole").mkdir()
    torch.save(checkpoint | bookkeeping(state), folder / "whole" / "ctc-cfg.pt")
    tensors, metadata = golden_of(model.double(), True, Dictionary(letters).symbols)
    assert all(metadata[f"text.{i}"] for i in range(1, 3))
    save_file(tensors, folder / "golden-ctc.safetensors", metadata)


def write_pretraining(folder):
    from omegaconf import OmegaConf
    config = Wav2Vec2Config(**GROUP_POST, **TINY_CONVOLUTIONS, **SIZES, num_codevector_groups=2,
                            num_codevectors_per_group=6, codevector_dim=8, proj_codevector_dim=6)
    model = Wav2Vec2ForPreTraining(config).eval()
    draw(model, "fairseq pretraining", torch.float32)
    state = collections.OrderedDict((fairseq_name(name, False), value) for name, value in model.state_dict().items())
    settings = encoder_settings(config, False, quantize_targets=True, latent_vars=6, latent_groups=2, latent_dim=8,
                                final_dim=6)
    structured = OmegaConf.structured(Wav2Vec2ModelConfig(extractor_mode=ExtractorMode.default, **settings))
    cfg = OmegaConf.create(dict(common=dict(fp16=True), task=OmegaConf.structured(TaskConfig())))
    cfg.model = structured
    cfg = dict(cfg) | dict(distributed=argparse.Namespace(ddp_backend=Choice.no_c10d))
    torch.save(dict(args=None, cfg=cfg, model=state, **bookkeeping(state)), folder / "pretraining-cfg.pt")
    tensors, metadata = golden_of(model.double(), False)
    save_file(tensors, folder / "golden-pretraining.safetensors", metadata)


def write_fairseq():
    folder = HERE / "fairseq"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_ctc(folder)
    write_pretraining(folder)


if __name__ == "__main__":
    torch.manual_seed(20)
    transformers.utils.logging.disable_progress_bar()
    chosen = sys.argv[1:] or ["adapters", "fairseq"]
    if "adapters" in chosen:
        write_adapters()
    if "fairseq" in chosen:
        write_fairseq()
