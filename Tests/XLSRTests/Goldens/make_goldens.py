"""Write tiny random wav2vec 2.0 checkpoints and what transformers computes from them.

usage: make_goldens.py [VARIANT ...]                      (default: all variants and the activation table)
       make_goldens.py --demo MODEL_DIR RECORDING.wav     (golden of the demo model, demo/golden.safetensors)

Needs transformers 5.23, torch 2.15 and safetensors. Parameters are drawn by name from a fixed seed, rounded to the
type they are stored in, read back by `from_pretrained`, and run in float64; results are cast to float32 at the end.
"""
import collections
import json
import math
import pathlib
import shutil
import sys
import wave
import zlib

import numpy as np
import torch
import transformers
from safetensors.torch import save
from transformers import (Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor,
                          Wav2Vec2ForAudioFrameClassification, Wav2Vec2ForCTC, Wav2Vec2ForPreTraining,
                          Wav2Vec2ForSequenceClassification, Wav2Vec2ForXVector, Wav2Vec2Model, Wav2Vec2Processor)
from transformers.activations import ACT2CLS, ACT2FN

HERE = pathlib.Path(__file__).parent
SEED = 20
LETTERS = list("abcdefghijklmnopqrstuvwxyz'")
XLSR_CONVOLUTIONS = dict(conv_kernel=[10, 3, 3, 3, 3, 2, 2], conv_stride=[5, 2, 2, 2, 2, 2, 2])
UNEQUAL_120 = dict(conv_dim=[6, 10, 16, 8, 20, 12, 24], **XLSR_CONVOLUTIONS)
UNEQUAL_80 = dict(conv_dim=[6, 8, 12, 20, 8, 12, 10], **XLSR_CONVOLUTIONS)
TINY_CONVOLUTIONS = dict(conv_dim=[8, 12, 10], conv_kernel=[10, 3, 2], conv_stride=[5, 2, 2])
LAYER_STABLE = dict(feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True)
GROUP_POST = dict(feat_extract_norm="group", do_stable_layer_norm=False, conv_bias=False)
NO_MASKING = dict(mask_time_prob=0.0, mask_feature_prob=0.0)


def sizes(hidden, heads, layers, intermediate, kernel, groups):
    return dict(hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=layers,
                intermediate_size=intermediate, num_conv_pos_embeddings=kernel, num_conv_pos_embedding_groups=groups)


def labels(*names):
    return dict(id2label=dict(enumerate(names)), label2id={name: index for index, name in enumerate(names)})


BIN_MODEL = dict(config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 36, 8, 4)), blank="last",
                 dtype=torch.float16, samples=(333, 801), spelling="g/v", draw="bin")
# layout: how the weights are stored. dtype: what the values are rounded to. samples: lengths of inputs 1 and 2.
VARIANTS = {
    "layer-stable": dict(
        config=dict(**LAYER_STABLE, conv_dim=[7] * 6 + [12], **XLSR_CONVOLUTIONS, **sizes(40, 4, 2, 56, 16, 5)),
        samples=(1999, 5203)),
    "group-post": dict(
        config=dict(**GROUP_POST, conv_dim=[7] * 7, **XLSR_CONVOLUTIONS, **sizes(64, 1, 2, 56, 128, 16)),
        dtype=torch.float16, spelling="g/v", minimal_config=True, extractor=dict(return_attention_mask=False),
        samples=(1255, 2805)),
    "heads-120": dict(config=dict(**LAYER_STABLE, **UNEQUAL_120, **sizes(240, 2, 1, 32, 4, 40)),
                      dtype=torch.float16, samples=(901, 2103)),
    "heads-80": dict(config=dict(LAYER_STABLE | dict(conv_bias=False), **UNEQUAL_80, **sizes(80, 1, 2, 32, 6, 10)),
                     dtype=torch.float16, samples=(1035, 2401)),
    "odd-positional": dict(
        config=dict(feat_extract_norm="layer", do_stable_layer_norm=False, conv_bias=True, conv_dim=[8, 12, 9, 11],
                    conv_kernel=[7, 2, 4, 3], conv_stride=[4, 3, 3, 1], **sizes(39, 3, 2, 44, 7, 3), **NO_MASKING,
                    layer_norm_eps=1e-3, hidden_act="gelu_new", feat_extract_activation="relu"), samples=(401, 1101)),
    "bin-blank-last": dict(BIN_MODEL, layout="bin"),
    "bin-legacy": dict(BIN_MODEL, layout="bin-legacy"),
    "sharded": dict(config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 3, 40, 9, 2)),
                    dtype=torch.bfloat16, layout="sharded", samples=(401, 1003)),
    "headless": dict(config=dict(GROUP_POST | dict(conv_bias=True), **TINY_CONVOLUTIONS, **sizes(24, 3, 2, 40, 6, 1),
                                 hidden_act="gelu_pytorch_tanh", feat_extract_activation="silu"),
                     model=Wav2Vec2Model, samples=(299, 1001)),
    "pretraining": dict(config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2),
                                    num_codevector_groups=2, num_codevectors_per_group=6, codevector_dim=8,
                                    proj_codevector_dim=6),
                        model=Wav2Vec2ForPreTraining, dtype=torch.bfloat16, samples=(365, 1101)),
    "do-normalize-false": dict(
        config=dict(feat_extract_norm="group", do_stable_layer_norm=True, conv_bias=True, conv_dim=[12, 8],
                    conv_kernel=[8, 5], conv_stride=[8, 5], **sizes(24, 2, 1, 40, 1, 1), **NO_MASKING,
                    hidden_act="quick_gelu", feat_extract_activation="gelu_fast"),
        extractor=dict(do_normalize=False, sampling_rate=8000), samples=(483, 1601)),
    "classifier": dict(
        config=dict(**GROUP_POST, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), classifier_proj_size=18,
                    **labels("deu", "eng", "fra", "spa", "swh", "zho", "yor")),
        model=Wav2Vec2ForSequenceClassification, samples=(401, 1103)),
    "classifier-sum": dict(
        config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 3, 40, 8, 2), classifier_proj_size=13,
                    use_weighted_layer_sum=True, problem_type="multi_label_classification", **labels("a", "b", "c")),
        model=Wav2Vec2ForSequenceClassification, samples=(401, 1103)),
    "classifier-sum-tied": dict(
        config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), classifier_proj_size=13,
                    use_weighted_layer_sum=True, tie_last_hidden_states=True),
        model=Wav2Vec2ForSequenceClassification, samples=(401, 1103)),
    "frames": dict(
        config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), **labels("anna", "ben", "cleo")),
        model=Wav2Vec2ForAudioFrameClassification, samples=(401, 1103)),
    "frames-sum": dict(
        config=dict(**GROUP_POST, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), use_weighted_layer_sum=True,
                    **labels("0", "1")),
        model=Wav2Vec2ForAudioFrameClassification, samples=(401, 1103)),
    "xvector": dict(
        config=dict(**GROUP_POST, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), tdnn_dim=[10, 14, 9, 11],
                    tdnn_kernel=[5, 3, 3, 1], tdnn_dilation=[1, 2, 3, 1], xvector_output_dim=15),
        model=Wav2Vec2ForXVector, frames=16, samples=(901, 1603)),
    "xvector-sum": dict(
        config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), use_weighted_layer_sum=True,
                    tdnn_dim=[11, 13, 8], tdnn_kernel=[2, 4, 3], tdnn_dilation=[3, 1, 5], xvector_output_dim=9),
        model=Wav2Vec2ForXVector, frames=18, samples=(903, 1601)),
    "xvector-adapter": dict(
        config=dict(**GROUP_POST, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), tdnn_dim=[10, 9],
                    tdnn_kernel=[2, 3], tdnn_dilation=[2, 1], xvector_output_dim=9, add_adapter=True,
                    num_adapter_layers=1),
        model=Wav2Vec2ForXVector, frames=11, samples=(903, 1601)),
    "quantizer": dict(
        config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), num_codevector_groups=3,
                    num_codevectors_per_group=7, codevector_dim=15, proj_codevector_dim=11),
        model=Wav2Vec2ForPreTraining, samples=(401, 1103)),
    "adapter": dict(
        config=dict(**GROUP_POST, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), add_adapter=True,
                    adapter_kernel_size=2, adapter_stride=3, num_adapter_layers=2),
        model=Wav2Vec2Model, samples=(399, 1103)),
    "adapter-ctc": dict(
        config=dict(**LAYER_STABLE, **TINY_CONVOLUTIONS, **sizes(24, 2, 2, 40, 8, 2), add_adapter=True,
                    output_hidden_size=18), samples=(1203, 2501)),
}


def save_file(tensors, path, metadata):
    """As safetensors does, with the header in a fixed order, so that a second run writes the same bytes."""
    data = save(tensors, metadata)
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])


def draw(model, seed, dtype):
    """Values far from initialisation: gains around 1.1 of either sign, biases of 0.3, matrices that keep rows O(1)."""
    for name, parameter in model.named_parameters():
        generator = torch.Generator().manual_seed(zlib.crc32(f"{SEED} {seed} {name}".encode()))
        noise = torch.randn(parameter.shape, generator=generator)
        uniform = torch.rand(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            value = (1.5 if name == "layer_weights" else 0.3) * noise
            if "norm" in name and name.endswith("weight"):
                value = (0.5 + 1.2 * uniform) * torch.where(noise > -1.3, 1.0, -1.0)
        elif "original0" in name:
            value = (0.3 + 1.7 * uniform) * math.sqrt(parameter.shape[2])
        else:
            gains = dict(q_proj=1.5, k_proj=1.5, feature_projection=1.8, intermediate=1.8, conv_layers=1.8, lm_head=1.8)
            gains |= dict(codevectors=noise[0].numel() ** 0.5, weight_proj=2.0, projector=1.8)
            gain = next((gain for part, gain in gains.items() if part in name), 1.0)
            value = gain * noise / math.sqrt(noise[0].numel())
            if "conv_layers" in name and value.shape[1] > 1:
                value -= value.mean(1, keepdim=True)  # GELU outputs share a positive mean, which would drown the rest
            if "original1" in name:
                value *= 0.2 + uniform
        parameter.data.copy_(value.to(dtype))


def samples_of(length, rate, index):
    """A steady sine, one that changes in pitch and loudness, noise and an offset, float32 below 1."""
    rng = np.random.default_rng(SEED + 7 * index + length)
    t = np.arange(length) / rate
    pitch = np.repeat(rng.uniform(90, 3000, length // 400 + 1), 400)[:length]
    loudness = np.repeat(rng.uniform(0.02, 0.4, length // 300 + 1), 300)[:length]
    x = 0.1 * np.sin(2 * np.pi * 219 * t) + loudness * np.sin(2 * np.pi * pitch * t + 1)
    return (x + 0.1 * loudness[::-1] * rng.standard_normal(length) + 0.07 * (index + 1)).astype(np.float32)


def write_tokenizer(folder, variant, style):
    tokens = ["|"] + LETTERS + ["[UNK]", "[PAD]"] if variant.get("blank") else ["<pad>", "<s>", "</s>", "<unk>", "|"] + LETTERS
    vocabulary = {token: index for index, token in enumerate(tokens)}
    path = folder / "vocab.json"
    names = dict(unk_token="[UNK]", pad_token="[PAD]", bos_token=None, eos_token=None) if variant.get("blank") else {}
    added = {token: vocabulary.pop(token) for token in ("[UNK]", "[PAD]")} if style == "added" else None
    path.write_text(json.dumps(vocabulary))
    if style is None:
        return Wav2Vec2CTCTokenizer(str(path), **names)
    # As transformers 4 wrote it: no added_tokens_decoder.
    (folder / "special_tokens_map.json").write_text(json.dumps({k: v for k, v in names.items() if v}))
    settings = dict(names, word_delimiter_token="|", do_lower_case=False, tokenizer_class="Wav2Vec2CTCTokenizer")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    if added:
        (folder / "added_tokens.json").write_text(json.dumps(added))


def write_weights(folder, model, variant):
    layout, dtype = variant.get("layout", "safetensors"), variant.get("dtype", torch.float32)
    if layout == "sharded":
        model.to(dtype).save_pretrained(folder, max_shard_size="15KB")
        return
    state = collections.OrderedDict()
    for name, value in model.state_dict().items():
        if variant.get("spelling") == "g/v":
            name = name.replace("parametrizations.weight.original0", "weight_g")
            name = name.replace("parametrizations.weight.original1", "weight_v")
        state[name] = value.clone()
    if layout == "safetensors":
        save_file({k: v.to(dtype).contiguous() for k, v in state.items()}, folder / "model.safetensors", {"format": "pt"})
        return
    if layout == "bin":  # float32, with strides and offsets as views leave them, and a module's _metadata
        state._metadata = model.state_dict()._metadata
        state["lm_head.weight"] = state["lm_head.weight"].t().contiguous().t()
        biases = [name for name in state if name.endswith("q_proj.bias") or name.endswith("v_proj.bias")]
        storage = torch.cat([state[name] for name in biases])
        for name, part in zip(biases, storage.chunk(len(biases))):
            state[name] = part
        torch.save(state, folder / "pytorch_model.bin")
        return
    # Two shards before torch 1.6's zip layout: one of halves, one of floats that holds a Parameter.
    names, index = list(state), {}
    shards = [names[: len(names) // 2], names[len(names) // 2 :]]
    for number, shard in enumerate(shards, 1):
        file = f"pytorch_model-{number:05}-of-{len(shards):05}.bin"
        tensors = {name: state[name].half() if number == 1 else state[name] for name in shard}
        if number == 2:
            tensors["lm_head.weight"] = torch.nn.Parameter(tensors["lm_head.weight"])
        torch.save(tensors, folder / file, _use_new_zipfile_serialization=False)
        index |= dict.fromkeys(shard, file)
    size = sum(value.numel() * value.element_size() for value in state.values())
    (folder / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": size}, "weight_map": index}, indent=0))


def run(model, samples, extractor, dtype=torch.float64):
    """All taps of one single run, without the batch axis."""
    values = samples.astype(np.float64)
    if extractor.do_normalize:
        values = extractor.zero_mean_unit_var_norm([values], None)[0]
    base = getattr(model, "wav2vec2", model)
    taps, watched = {}, {}
    for j, layer in enumerate(base.feature_extractor.conv_layers):
        watched[f"feature_extractor.conv_layers.{j}"] = (layer, lambda y: y.transpose(1, 2))
    watched["feature_projection"] = (base.feature_projection, lambda y: y[0])
    watched["pos_conv_embed"] = (base.encoder.pos_conv_embed, lambda y: y)

    def hook(name, read):
        return lambda module, inputs, output: taps.__setitem__(name, read(output)[0].clone())

    hooks = [module.register_forward_hook(hook(name, read)) for name, (module, read) in watched.items()]
    inputs = torch.from_numpy(values)[None].to(dtype)
    tied, base.config.tie_last_hidden_states = getattr(base.config, "tie_last_hidden_states", None), None
    with torch.no_grad():
        result = base(inputs, output_hidden_states=True, output_attentions=True)
        base.config.tie_last_hidden_states = tied
        for handle in hooks:
            handle.remove()
        taps["extract_features"] = result.extract_features[0]
        for level, hidden in enumerate(result.hidden_states):
            taps[f"hidden_states.{level}"] = hidden[0]
        taps["last_hidden_state"] = result.last_hidden_state[0]
        if model is not base:
            outputs = model(inputs)
            taps |= {name: outputs[name][0] for name in HEAD_OUTPUTS if outputs.get(name) is not None}
        if hasattr(model, "quantizer"):
            taps["codevector_perplexity"] = outputs.codevector_perplexity
            scores = model.quantizer.weight_proj(taps["extract_features"])
            scores = scores.view(len(scores), model.config.num_codevector_groups, -1)
            best = scores.topk(2).values
            assert (best[..., 0] - best[..., 1]).min() > 2e-4, "a codevector that rounding could change"
            taps["codevector_ids"] = scores.argmax(-1)
    return taps, result.attentions


HEAD_OUTPUTS = ["logits", "embeddings", "projected_states", "projected_quantized_states"]


def output_of(taps):
    """What a change of any parameter must change."""
    outputs = [taps[name].flatten() for name in HEAD_OUTPUTS if name in taps] or [taps["last_hidden_state"].flatten()]
    return torch.cat(outputs)


def check_that_everything_shows(model, samples, extractor, frames):
    """Attention is neither flat nor one-hot, activations see both tails, every parameter and its order move the output."""
    preactivations = []
    layers = getattr(model, "wav2vec2", model).encoder.layers
    hooks = [layer.feed_forward.intermediate_dense.register_forward_hook(lambda m, i, o: preactivations.append(o))
             for layer in layers]
    taps, attentions = run(model, samples, extractor)
    for handle in hooks:
        handle.remove()
    preactivations = torch.cat([p.flatten() for p in preactivations])
    entropy = torch.cat([-(a * a.clamp_min(1e-30).log()).sum(-1).flatten() for a in attentions]) / math.log(frames)
    figures = f"entropy {entropy.min():.2f}..{entropy.mean():.2f}..{entropy.max():.2f}"
    assert 0.2 < entropy.mean() < 0.9 and entropy.max() - entropy.min() > 0.3, figures
    assert preactivations.min() < -3 and preactivations.max() > 3, (preactivations.min(), preactivations.max())
    base, weakest = output_of(taps), (math.inf, "")
    for name, parameter in model.named_parameters():
        if any(part in name for part in ("masked_spec_embed", "objective")) or name.endswith("k_proj.bias"):
            continue  # inference leaves these unread; softmax cancels the key bias
        if name.startswith("wav2vec2.encoder.layer_norm") and model.config.use_weighted_layer_sum:
            if model.config.do_stable_layer_norm and not model.config.tie_last_hidden_states:
                continue  # comes after all hidden states that are averaged
        if name.endswith("conv_layers.0.conv.bias") and model.config.feat_extract_norm == "group":
            continue  # group norm over time cancels a constant per channel
        kept = parameter.data.clone()
        flat = kept.flatten()
        parameter.data = (flat.roll(1) if flat.numel() > 1 else 1.3 * flat).view_as(kept)
        moved = (output_of(run(model, samples, extractor)[0]) - base).abs().max() / base.abs().max()
        parameter.data = kept
        weakest = min(weakest, (moved.item(), name))
    # Means over time or over layers hide much of a change.
    hidden = model.config.use_weighted_layer_sum or "logits" in taps and taps["logits"].dim() == 1
    assert weakest[0] > (1e-3 if hidden else 5e-3), weakest
    return f"{figures}, preactivation {preactivations.min():.1f}..{preactivations.max():.1f}, weakest {weakest[0]:.3f} {weakest[1]}"


def versions():
    return {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0],
            "computed": "in float64 with exactly the stored weights, cast to float32"}


def receptive_field(config):
    field, hop = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride):
        field, hop = field + (kernel - 1) * hop, hop * stride
    return field


def write_variant(name, variant):
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    kind, dtype = variant.get("model", Wav2Vec2ForCTC), variant.get("dtype", torch.float32)
    count = len(LETTERS) + (3 if variant.get("blank") else 5)
    ids = dict(pad_token_id=count - 1, bos_token_id=None, eos_token_id=None) if variant.get("blank") else {}
    config = Wav2Vec2Config(**variant["config"], vocab_size=count, **ids)
    config.architectures = [kind.__name__]
    model = kind(config).eval()
    draw(model, variant.get("draw", name), dtype)
    write_weights(folder, model, variant)
    config.dtype = str(torch.float32 if variant.get("layout", "").startswith("bin") else dtype).removeprefix("torch.")
    settings = config.to_dict()
    if variant.get("minimal_config"):  # a loader has to know the defaults
        defaults = Wav2Vec2Config().to_dict()
        settings = {k: v for k, v in settings.items() if k not in defaults or v != defaults[k] or k == "model_type"}
    if variant.get("layout", "").startswith("bin"):
        settings["torch_dtype"] = settings.pop("dtype")  # as transformers 4 spelled it
    (folder / "config.json").write_text(json.dumps(settings, indent=1, sort_keys=True) + "\n")
    extractor = Wav2Vec2FeatureExtractor(**dict(dict(return_attention_mask=True), **variant.get("extractor", {})))
    style = {"bin-blank-last": "transformers 4", "bin-legacy": "added"}.get(name)
    tokenizer = write_tokenizer(folder, variant, style) if kind is Wav2Vec2ForCTC else None
    if name == "sharded":  # feature extractor settings inside processor_config.json
        Wav2Vec2Processor(extractor, tokenizer).save_pretrained(folder)
    else:
        extractor.save_pretrained(folder)
        if tokenizer:
            tokenizer.save_pretrained(folder)

    loaded, report = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    stored = model.state_dict()
    assert all(torch.equal(value, stored[key].float()) for key, value in loaded.state_dict().items())
    loaded.eval()
    single, model = loaded, kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval().double()
    if kind is Wav2Vec2ForCTC:
        tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder)

    first = receptive_field(config) + math.prod(config.conv_stride) * (variant.get("frames", 1) - 1) | 1
    metadata = versions() | {"variant": name, "seed": str(SEED)}
    tensors, deviation = {}, 0.0
    for i, length in enumerate((first, *variant["samples"])):
        samples = samples_of(length, extractor.sampling_rate, i)
        taps, _ = run(model, samples, extractor)
        frames = len(taps["extract_features"])
        assert length % 2 == 1 and (frames == variant.get("frames", 1)) == (i == 0)
        coarse, output = output_of(run(single, samples, extractor, torch.float32)[0]), output_of(taps)
        deviation = max(deviation, ((coarse - output).abs().max() / output.abs().max()).item())
        tensors |= {f"input.{i}": torch.from_numpy(samples)} | {f"{k}.{i}": v.float().contiguous() for k, v in taps.items()}
        if tokenizer:
            metadata[f"text.{i}"] = tokenizer.batch_decode(taps["logits"].argmax(-1)[None])[0]
    last = f"hidden_states.{config.num_hidden_layers}.2"
    after = torch.equal(tensors[last], tensors["last_hidden_state.2"])
    assert after != config.do_stable_layer_norm or config.add_adapter
    metadata["hidden_states"] = "last one is " + ("last_hidden_state" if after else "before the final layer norm")
    metadata["float32_deviation"] = f"{deviation:.1e}"
    assert deviation < 1e-5, deviation
    save_file(tensors, folder / "golden.safetensors", metadata)
    shown = check_that_everything_shows(model, samples_of(variant["samples"][1], extractor.sampling_rate, 2), extractor, frames)
    size = sum(f.stat().st_size for f in folder.iterdir()) // 1024
    print(f"{name}: {size} KB, float32 {deviation:.1e}, {shown}, {metadata.get('text.2')!r}", flush=True)


def write_activations():
    """Every activation name without parameters of its own, on one grid."""
    x = torch.cat([torch.linspace(-12, 12, 97), torch.tensor([-1e4, -40.0, -1e-6, 1e-6, 40.0, 1e4])])
    tensors = {"x": x}
    for name in sorted(set(ACT2CLS) - {"prelu", "xielu"}):
        tensors[name] = ACT2FN[name](x.double()).float()
    save_file(tensors, HERE / "activations.safetensors", versions())


def write_demo(model_folder, recording):
    with wave.open(recording) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2 and file.getframerate() == 16000
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    model = Wav2Vec2ForCTC.from_pretrained(model_folder, dtype=torch.float32, attn_implementation="eager").eval().double()
    taps, _ = run(model, samples, Wav2Vec2FeatureExtractor.from_pretrained(model_folder))
    text = Wav2Vec2CTCTokenizer.from_pretrained(model_folder).batch_decode(taps["logits"].argmax(-1)[None])[0]
    (HERE / "demo").mkdir(exist_ok=True)
    save_file({f"{name}.0": taps[name].float().contiguous() for name in ("logits", "last_hidden_state")},
              HERE / "demo" / "golden.safetensors",
              versions() | {"variant": "demo", "recording": pathlib.Path(recording).name, "text.0": text})
    print(f"demo: {tuple(taps['logits'].shape)} {text!r}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--demo"]:
        write_demo(*sys.argv[2:4])
    else:
        torch.manual_seed(SEED)
        transformers.utils.logging.disable_progress_bar()
        for chosen in sys.argv[1:] or VARIANTS:
            write_variant(chosen, VARIANTS[chosen])
        if not sys.argv[1:]:
            write_activations()
