"""Writes the fixtures of WeightsTests with PyTorch and the reference safetensors: python3 make_weights.py

Every tensor holds 0, 1/4, 2/4, ... in row-major order, so that the tests need no list of values.
"""
import json
import os
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent / "weights"


def ramp(*shape, dtype=torch.float32):
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float64) / 4).reshape(shape).to(dtype)


def integers(*shape, dtype):
    return torch.arange(torch.Size(shape).numel()).reshape(shape).to(dtype)


def state_dict():
    shared = ramp(6, 4)
    module = torch.nn.Linear(4, 3)
    module.weight = torch.nn.Parameter(ramp(3, 4))
    module.bias = torch.nn.Parameter(ramp(3))
    state = module.state_dict()  # an OrderedDict with a _metadata attribute
    state["parameter"] = torch.nn.Parameter(ramp(2, 3))
    state["half"] = ramp(2, 5, dtype=torch.float16)
    state["bfloat16"] = ramp(2, 5, dtype=torch.bfloat16)
    state["double"] = ramp(5, dtype=torch.float64)
    state["int8"] = integers(5, dtype=torch.int8)
    state["int32"] = integers(5, dtype=torch.int32)
    state["int64"] = integers(5, dtype=torch.int64)
    state["int64.large"] = torch.tensor([1 << 40])
    state["bool"] = torch.tensor([True, False])
    state["transposed"] = ramp(4, 3).t().contiguous().t()
    state["permuted"] = ramp(2, 3, 4).permute(2, 0, 1).contiguous().permute(1, 2, 0)
    state["shared.all"] = shared
    state["shared.none"] = shared[2:2]
    state["shared.rows"] = shared[3:5]
    state["shared.column"] = shared[:, 1]
    state["scalar"] = ramp()
    state["empty"] = torch.empty(0, 4)
    state["version"] = 3
    return state


class CallsSystem:
    def __reduce__(self):
        return os.system, ("touch executed-by-a-pickle",)


def main():
    HERE.mkdir(exist_ok=True)
    torch.save(state_dict(), HERE / "zip.bin")
    torch.save(state_dict(), HERE / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": {"weight": ramp(2, 3)}, "epoch": 1}, HERE / "nested.bin")
    torch.save({"weight": ramp(2), "evil": CallsSystem()}, HERE / "calls-system.bin")
    torch.save({"weight": ramp(2), "where": Path("x")}, HERE / "calls-path.bin")

    save_file(
        {
            "a": ramp(2, 3),
            "half": ramp(2, 5, dtype=torch.float16),
            "bfloat16": ramp(3, dtype=torch.bfloat16),
            "double": ramp(5, dtype=torch.float64),
            "int64": integers(5, dtype=torch.int64),
            "bool": torch.tensor([True]),
            "scalar": ramp(),
            "empty": torch.empty(0, 4),
        },
        HERE / "single.safetensors",
        metadata={"format": "pt"},
    )
    shards = {"model-00001-of-00002.safetensors": {"a": ramp(2, 3)}, "model-00002-of-00002.safetensors": {"b": ramp(4)}}
    sharded = HERE / "sharded"
    sharded.mkdir(exist_ok=True)
    for file, tensors in shards.items():
        save_file(tensors, sharded / file)
    weight_map = {name: file for file, tensors in shards.items() for name in tensors}
    (sharded / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


main()
