"""Write paths of torchaudio's forced_align through random log-probabilities.

usage: make_alignments.py          (writes alignments.json)

Needs torchaudio 2.11 and torch 2.15, which torchaudio takes for incompatible as it is imported; hence the line before.
The log-probabilities come from a generator that the tests have, too, and are exact in float32. Computed in float64.
"""
import json
import pathlib

import torch

torch.version.cuda = "13.0"
import torchaudio  # noqa: E402

from make_random import Random  # noqa: E402

HERE = pathlib.Path(__file__).parent


def case(seed):
    random = Random(seed)
    vocabulary = 2 + random.below(7)
    count = 1 + random.below(24)
    blank = random.below(vocabulary)
    # Few different tokens, so that many repeat.
    tokens = [t + (t >= blank) for t in (random.below(vocabulary - 1) for _ in range(count))]
    needed = count + sum(a == b for a, b in zip(tokens, tokens[1:]))
    frames = needed + random.below(4 if seed % 5 == 0 else 60)
    values = [-(random.below(1 << 20)) / (1 << 16) for _ in range(frames * vocabulary)]
    probabilities = torch.tensor(values, dtype=torch.float64).reshape(1, frames, vocabulary)
    # Every third case has a star: a column of zeros after all others, in the place of one token.
    star = random.below(count) if seed % 3 == 0 else None
    targets = list(tokens)
    if star is not None:
        targets[star] = vocabulary
        probabilities = torch.cat([probabilities, torch.zeros(1, frames, 1, dtype=torch.float64)], 2)
    path, scores = torchaudio.functional.forced_align(
        probabilities, torch.tensor([targets], dtype=torch.int32), blank=blank)
    return dict(
        seed=seed, vocabulary=vocabulary, blank=blank, star=star, tokens=tokens, frames=frames,
        path=[-1 if t == vocabulary else t for t in path[0].tolist()], score=round(scores.sum().item(), 9))


lines = ",\n".join(json.dumps(case(seed), separators=(",", ":")) for seed in range(1, 151))
versions = json.dumps(dict(torchaudio=torchaudio.__version__.split("+")[0], torch=torch.__version__.split("+")[0]))
(HERE / "alignments.json").write_text(versions[:-1] + ', "cases": [\n' + lines + "\n]}\n")
