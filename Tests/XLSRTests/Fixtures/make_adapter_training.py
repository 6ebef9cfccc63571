"""Trains the adapters and the head of Goldens/language-adapters with PyTorch, in float64, on its own inputs, and writes
what they are afterwards: python3 make_adapter_training.py

All clips are one batch, so that nothing depends on an order, and no frames are hidden.
"""
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2ForCTC

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "Goldens" / "language-adapters"
TEXTS = ["ab", "hello world", "abba cc"]
EPOCHS = 12
RATE = 0.02


def main():
    model = Wav2Vec2ForCTC.from_pretrained(GOLDEN).double().eval()
    inputs = load_file(GOLDEN / "golden.safetensors")
    vocabulary = json.loads((GOLDEN / "vocab.json").read_text())["eng"]
    clips = [inputs[f"input.{index}"].double() for index in range(len(TEXTS))]
    clips = [(clip - clip.mean()) / (clip.var(unbiased=False) + 1e-7).sqrt() for clip in clips]
    targets = [[vocabulary[character.replace(" ", "|")] for character in text] for text in TEXTS]
    trained = {name: parameter for name, parameter in model.named_parameters()
               if ".adapter_layer." in name or name.startswith("lm_head.")}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    optimizer = torch.optim.Adam(trained.values(), lr=RATE)
    losses = []
    for epoch in range(EPOCHS):
        share = epoch / EPOCHS
        for group in optimizer.param_groups:
            group["lr"] = RATE * max(0.01, min(share / 0.1, (1 - share) / 0.9))
        loss = 0
        for clip, target in zip(clips, targets):
            scores = model(clip[None]).logits[0].log_softmax(-1)
            loss = loss + torch.nn.functional.ctc_loss(
                scores[:, None], torch.tensor([target]), (len(scores),), (len(target),), blank=vocabulary["<pad>"],
                reduction="sum") / len(target)
        loss = loss / len(clips)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained.values(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    print(losses)
    result = {name: parameter.detach().float().contiguous() for name, parameter in trained.items()}
    result["losses"] = torch.tensor(losses).float()
    save_file(result, HERE / "adapter_training.safetensors")


main()
