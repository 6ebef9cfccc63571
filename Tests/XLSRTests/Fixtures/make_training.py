"""Trains tiny checkpoints of ../Goldens with PyTorch, in float64, on their own inputs, and writes what changed:
python3 make_training.py

All clips are one batch, so that nothing depends on an order, and no frames are hidden.
"""
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2ForCTC

HERE = Path(__file__).parent
EPOCHS = 12
VARIANTS = [
    ("language-adapters", "adapters", 0.02, ["ab", "hello world", "abba cc"]),
    ("layer-stable", "encoder", 0.005, ["a", "ab", "abba c"]),
    ("group-post", "encoder", 0.005, ["a", "ab", "abba c"]),
]


def is_trained(name, part):
    if name.startswith("lm_head.") or ".adapter_layer." in name:
        return True
    return part == "encoder" and name.startswith(("wav2vec2.encoder.layers.", "wav2vec2.encoder.layer_norm."))


def train(variant, part, rate, texts):
    folder = HERE.parent / "Goldens" / variant
    model = Wav2Vec2ForCTC.from_pretrained(folder).double().eval()
    inputs = load_file(folder / "golden.safetensors")
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary = vocabulary.get("eng", vocabulary)
    clips = [inputs[f"input.{index}"].double() for index in range(len(texts))]
    if json.loads((folder / "preprocessor_config.json").read_text())["do_normalize"]:
        clips = [(clip - clip.mean()) / (clip.var(unbiased=False) + 1e-7).sqrt() for clip in clips]
    targets = [[vocabulary[character.replace(" ", "|")] for character in text] for text in texts]
    trained = {name: parameter for name, parameter in model.named_parameters() if is_trained(name, part)}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    optimizer = torch.optim.Adam(trained.values(), lr=rate)
    losses = []
    for epoch in range(EPOCHS):
        share = epoch / EPOCHS
        for group in optimizer.param_groups:
            group["lr"] = rate * max(0.01, min(share / 0.1, (1 - share) / 0.9))
        loss = 0
        for clip, target in zip(clips, targets):
            scores = model(clip[None]).logits[0].log_softmax(-1)
            loss = loss + torch.nn.functional.ctc_loss(
                scores[:, None], torch.tensor([target]), (len(scores),), (len(target),),
                blank=model.config.pad_token_id, reduction="sum") / len(target)
        loss = loss / len(clips)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    print(variant, losses)
    result = {name: parameter.detach().float().contiguous() for name, parameter in trained.items()}
    result["losses"] = torch.tensor(losses).float()
    path = HERE / f"training-{part}-{variant}.safetensors"
    save_file(result, path)
    path.chmod(0o644)


for variant in VARIANTS:
    train(*variant)
