"""Compare xlsr with transformers on random tiny checkpoints.

usage: fuzz.py [--program .build/release/xlsr] [--seed 0] [--count 100] [--keep FOLDER]

Needs transformers 5, torch, numpy and safetensors. A seed decides everything, of what the machine has: the configuration and the head, weights
far from initialisation (some with outliers, or with queries and keys that make scores of thousands), how they are
stored, the audio, and on which device, by which instructions and at which precision xlsr runs. The truth is what
transformers computes in float64. float32 must come within 1e-4 of the largest value, or within ten times
transformers' own float32; other precisions within a few per cent, or within eight times what transformers errs by in
that type (int8: in bfloat16 with weights and activations of 8 bits a row). What fails is kept with its seed, and the
exit status is 1.
"""
import argparse
import copy
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

os.environ.update(TRANSFORMERS_VERBOSITY="error", HF_HUB_OFFLINE="1")
import numpy as np
import torch
from safetensors.torch import load_file
from transformers import (Wav2Vec2Config, Wav2Vec2ForAudioFrameClassification, Wav2Vec2ForCTC, Wav2Vec2ForPreTraining,
                          Wav2Vec2ForSequenceClassification, Wav2Vec2ForXVector, Wav2Vec2Model)
from transformers.utils import logging

HEADS = [Wav2Vec2Model, Wav2Vec2ForCTC, Wav2Vec2ForSequenceClassification, Wav2Vec2ForAudioFrameClassification,
         Wav2Vec2ForXVector, Wav2Vec2ForPreTraining]
ACTIVATIONS = ["gelu", "gelu_new", "gelu_fast", "quick_gelu", "relu", "leaky_relu", "silu", "sigmoid", "tanh"]
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16, "int8": torch.bfloat16}
# Relative root mean square error that needs no comparison.
NEGLIGIBLE = {"f32": 1e-5, "bf16": 0.03, "f16": 0.005, "int8": 0.1}


def configuration(r, head):
    layers = r.choice([1, 2, 3, 4, 7])
    kernels, strides = [10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]
    if layers < 7:
        strides = [r.randint(1, 5) for _ in range(layers)]
        while np.prod(strides) < 120:
            strides[r.randrange(layers)] += 1
        kernels = [stride + r.choice([-1, 0, 0, 1, 3]) if stride > 1 else r.randint(1, 3) for stride in strides]
    heads = r.randint(1, 5)
    hidden = heads * r.choice([4, 6, 7, 8, 12, 16, 20, 33, 64, 80])
    vocabulary = r.choice([6, 9, 32, 33])
    c = dict(
        conv_dim=[r.choice([5, 8, 12, 17, 32, 33])] * layers, conv_kernel=kernels, conv_stride=strides,
        feat_extract_norm=r.choice(["group", "layer"]), conv_bias=r.random() < 0.5,
        num_attention_heads=heads, hidden_size=hidden, num_hidden_layers=r.randint(1, 3),
        intermediate_size=r.choice([16, 31, 64, 65]), do_stable_layer_norm=r.random() < 0.5,
        num_conv_pos_embeddings=r.choice([1, 2, 3, 8, 17, 32, 128]),
        num_conv_pos_embedding_groups=r.choice([g for g in range(1, 17) if hidden % g == 0]),
        hidden_act=r.choice(ACTIVATIONS), feat_extract_activation=r.choice(ACTIVATIONS),
        layer_norm_eps=r.choice([1e-5, 1e-12, 1e-3]), vocab_size=vocabulary, pad_token_id=r.randrange(vocabulary),
        mask_time_prob=0.0, mask_feature_prob=0.0)
    if head in (Wav2Vec2Model, Wav2Vec2ForCTC, Wav2Vec2ForXVector) and r.random() < 0.3:
        c.update(add_adapter=True, num_adapter_layers=r.randint(1, 3), adapter_kernel_size=r.randint(1, 5),
                 adapter_stride=r.randint(1, 3))
    if head in (Wav2Vec2ForSequenceClassification, Wav2Vec2ForAudioFrameClassification, Wav2Vec2ForXVector):
        c.update(use_weighted_layer_sum=r.random() < 0.5, classifier_proj_size=r.choice([8, 17]),
                 num_labels=r.randint(1, 7))
    if head is Wav2Vec2ForXVector:
        count = r.randint(1, 4)
        c.update(tdnn_dim=[r.choice([8, 9, 20]) for _ in range(count)],
                 tdnn_kernel=[r.choice([1, 2, 3]) for _ in range(count)],
                 tdnn_dilation=[r.choice([1, 1, 2]) for _ in range(count)], xvector_output_dim=r.choice([8, 13]))
    if head is Wav2Vec2ForPreTraining:
        groups = r.randint(1, 3)
        c.update(num_codevector_groups=groups, num_codevectors_per_group=r.choice([3, 8]),
                 codevector_dim=groups * r.choice([3, 8]), proj_codevector_dim=r.choice([6, 21]))
    return Wav2Vec2Config(**c)


def draw_weights(r, model):
    """Weights far from initialisation; of some models far from ordinary too."""
    generator = torch.Generator().manual_seed(r.randrange(1 << 30))
    stress = r.choice(["none", "none", "outlier rows", "outlier gains", "large scores"])
    for name, p in model.named_parameters():
        x = torch.randn(p.shape, generator=generator)
        if name.endswith("bias"):
            x *= 0.3
        elif "original0" in name or "norm" in name and p.dim() == 1:
            x = (1 + 0.4 * x).abs() + 0.1
            if stress == "outlier gains" and p.dim() == 1:
                x[r.randrange(len(x))] *= r.choice([30, 200])
        elif p.dim() > 1 and "codevectors" not in name:
            x *= r.uniform(0.8, 1.8) / p[0].numel() ** 0.5
            if stress == "outlier rows" and r.random() < 0.5:
                x[r.randrange(len(x))] *= r.choice([30, 300])
            if stress == "large scores" and ("q_proj" in name or "k_proj" in name):
                x *= r.choice([3, 8])
        with torch.no_grad():
            p.copy_(x)
    return stress


def save(r, model, folder, normalizes):
    stored = r.choice([torch.float32, torch.float32, torch.float16, torch.bfloat16])
    model.load_state_dict({name: x.to(stored).float() for name, x in model.state_dict().items()})
    copy.deepcopy(model).to(stored).save_pretrained(folder, max_shard_size=r.choice(["5GB", "20kB"]))
    (folder / "preprocessor_config.json").write_text(json.dumps(
        dict(feature_extractor_type="Wav2Vec2FeatureExtractor", feature_size=1, sampling_rate=16000,
             padding_value=0.0, do_normalize=normalizes)))
    letters = ["<pad>" if i == model.config.pad_token_id else chr(97 + i) for i in range(model.config.vocab_size)]
    (folder / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(pad_token="<pad>", unk_token=None)))


def draw_audio(r, config):
    hop = int(np.prod(config.conv_stride))
    count = min(40_000, hop * r.randint(30, 400))
    g = np.random.default_rng(r.randrange(1 << 30))
    time = np.arange(count) / 16_000
    x = sum(g.uniform(0, 0.3) * np.sin(2 * np.pi * g.uniform(60, 4000) * time) for _ in range(3))
    return (x * g.uniform(0.05, 1, -(-count // 2000)).repeat(2000)[:count] + 0.1 * g.standard_normal(count)).astype("f4")


def write_wave(path, x):
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + 4 * len(x), b"WAVE", b"fmt ", 16, 3, 1, 16_000, 64_000, 4, 32,
                       b"data", 4 * len(x))
    path.write_bytes(head + x.astype("<f4").tobytes())


def truth(model, x, normalizes, dtype):
    """What the model gives for samples, under xlsr's names."""
    model = copy.deepcopy(model).to(dtype).eval()
    x = torch.tensor(x, dtype=torch.float64)
    if normalizes:
        x = (x - x.mean()) / (x.var(correction=0) + 1e-7).sqrt()
    x = x.to(dtype)[None]
    with torch.no_grad():
        encoder = model if isinstance(model, Wav2Vec2Model) else model.wav2vec2
        states = encoder(x)
        result = {"last_hidden_state": states.last_hidden_state, "extract_features": states.extract_features}
        if isinstance(model, Wav2Vec2ForPreTraining):
            result["projected_states"] = model(x).projected_states
        elif not isinstance(model, Wav2Vec2Model):
            result["logits"] = model(x).logits
    return {name: value[0].double() for name, value in result.items()}


def error(actual, expected):
    if actual.shape != expected.shape or not torch.isfinite(actual).all():
        return float("inf")
    return ((actual - expected).pow(2).mean().sqrt() / expected.pow(2).mean().sqrt().clamp_min(1e-30)).item()


def bytes_of(x):
    """Rows of integers from -127 to 127, times a factor each."""
    scale = x.abs().amax(-1, keepdim=True).clamp_min(1e-30) / 127
    return (x / scale).round() * scale


def rounded_to_bytes(model):
    """Weights of the encoder's layers, and what they are multiplied with."""
    model = copy.deepcopy(model)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and "encoder.layers" in name:
            with torch.no_grad():
                module.weight.copy_(bytes_of(module.weight))
            module.register_forward_pre_hook(lambda _, inputs: (bytes_of(inputs[0]), *inputs[1:]))
    return model


def places(program):
    """The devices that xlsr has here, simd three times, and its instruction sets, "" for the one it chooses."""
    here = json.loads(subprocess.run([program, "devices", "--json"], capture_output=True, check=True).stdout)
    names = {device["name"] for device in here["devices"] if device["present"]}
    return 3 * ["simd"] + [name for name in ["openblas", "opencl"] if name in names], [""] + here["instruction_sets"]


def check(seed, program, folder, devices, instruction_sets):
    """What is wrong with a seed's checkpoint, one string each."""
    r = random.Random(seed)
    torch.manual_seed(seed)
    head = r.choice(HEADS)
    model = head(configuration(r, head)).eval()
    stress = draw_weights(r, model)
    normalizes = r.random() < 0.7
    save(r, model, folder, normalizes)
    clips = [draw_audio(r, model.config) for _ in range(2)]
    for index, clip in enumerate(clips):
        write_wave(folder / f"{index}.wav", clip)
    expected = [truth(model, clip, normalizes, torch.float64) for clip in clips]
    plain = [truth(model, clip, normalizes, torch.float32) for clip in clips]
    problems = []
    for _ in range(3):
        device = r.choice(devices)
        precision = r.choice(["f32", "f32", "bf16", "f16", "int8"])
        instructions = r.choice(instruction_sets)
        for task in ["features"] if head is Wav2Vec2Model else ["features", "logits"]:
            out = folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            run = subprocess.run(
                [program, "run", "--model", folder, "--device", device, "--precision", precision, "--task", task,
                 "--quiet", "--chunk-seconds", "0", "--output", f"{out}/", folder / "0.wav", folder / "1.wav"],
                capture_output=True, text=True, timeout=120,
                env=os.environ | ({"XLSR_INSTRUCTION_SET": instructions} if instructions else {}))
            where = f"{head.__name__}, {stress}: {device} {instructions} {precision} {task}"
            if run.returncode:
                problems.append(f"{where}: {run.stderr.strip()}")
                continue
            for index in range(2):
                actual = load_file(out / f"{index}.safetensors")
                for name in expected[index].keys() & actual.keys():
                    is_wrong = error(actual[name].double(), expected[index][name])
                    if is_wrong <= NEGLIGIBLE[precision]:
                        continue
                    if precision == "f32":
                        largest = expected[index][name].abs().max()
                        off = (actual[name].double() - expected[index][name]).abs().max() / largest
                        allowed = 10 * error(plain[index][name], expected[index][name])
                        if is_wrong <= allowed or off <= 1e-4:
                            continue
                    else:
                        source = rounded_to_bytes(model) if precision == "int8" else model
                        # Of either clip: with scores far apart a weight jumps from one key to another, or doesn't.
                        same = [truth(source, clip, normalizes, DTYPES[precision]) for clip in clips]
                        allowed = 8 * max(error(same[i][name], expected[i][name]) for i in range(2))
                        # Where that is nearly all, rounding has left nothing to compare.
                        if not allowed < 0.5 or is_wrong <= allowed:
                            continue
                    problems.append(f"{where}: {name} of {index}.wav is off by {is_wrong:.2g}, allowed {allowed:.2g}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/xlsr")
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--keep", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "xlsr-fuzz",
                        help="where checkpoints that fail stay")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    devices, instruction_sets = places(options.program)
    failures = 0
    for seed in range(options.seed, options.seed + options.count):
        folder = options.keep / str(seed)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        problems = check(seed, options.program, folder, devices, instruction_sets)
        for problem in problems:
            print(f"seed {seed}, {problem}", flush=True)
        failures += bool(problems)
        if not problems:
            shutil.rmtree(folder)
    print(f"{options.count} checkpoints, {failures} differ" + (f"; they are in {options.keep}" if failures else ""))
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
