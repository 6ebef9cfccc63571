"""Write what transformers' pipeline hears in the bundled recordings, one after another, cut into chunks.

usage: make_chunked_transcripts.py                 (writes demo/chunked.json)
       make_chunked_transcripts.py RECORDING.wav   (prints its text by the default rule: 30 s, a sixth on each side)

Needs transformers 5.23 and torch 2.15. float32: the demo model is stored in float16.
"""
import json
import pathlib
import sys
import wave

import numpy as np
import torch
import transformers
from transformers import pipeline

HERE = pathlib.Path(__file__).parent
ASSETS = HERE.parents[2] / "Sources" / "DemoAssets"
# Seconds of a chunk and of the stride on each side; null: a sixth.
SETTINGS = [(30, None), (4, None), (4, 1), (2.5, 0.3), (1.01, 0.2), (5, 0), (3.3, 1.6), (12, 0.01)]


def samples(path):
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2 and file.getframerate() == 16000
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768


recognizer = pipeline("automatic-speech-recognition", str(ASSETS / "model"), dtype=torch.float32)
if len(sys.argv) > 1:
    print(recognizer(samples(sys.argv[1]), chunk_length_s=30)["text"])
    sys.exit()
recordings = sorted((ASSETS / "audio").glob("*.wav"))
joined = np.concatenate([samples(path) for path in recordings])
lines = []
for chunk, stride in SETTINGS:
    heard = recognizer(joined, chunk_length_s=chunk, stride_length_s=stride, return_timestamps="word")
    starts = [round(word["timestamp"][0], 3) for word in heard["chunks"]]
    lines.append(json.dumps(dict(chunk_seconds=chunk, stride_seconds=stride, text=heard["text"], starts=starts)))
header = json.dumps(dict(transformers=transformers.__version__, torch=torch.__version__.split("+")[0],
                         recordings=[path.name for path in recordings], samples=len(joined)))
(HERE / "demo" / "chunked.json").write_text(header[:-1] + ', "cases": [\n' + ",\n".join(lines) + "\n]}\n")
