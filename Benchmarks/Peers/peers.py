"""XLS-R in the engines that one would use instead. `Benchmarks model --peers` starts this once an engine and round.

usage: peers.py list [--device D]
       peers.py checkpoint SHAPE CACHE [--device D] makes random weights of shape 300m, 1b or 2b
       peers.py prepare ENGINE MODEL CACHE          exports the checkpoint to what the engine reads
       peers.py run ENGINE MODEL CACHE INPUT SCORES --batch B --threads N --passes P [--device D]
                    [--tokens T --beams K]          with these, a translation's search and not a pass
       peers.py rates [--device D]                  products and copies a second

D is cpu or cuda, where PyTorch alone computes, also compiled.

INPUT and SCORES are raw float32 files: normalised samples [batch, samples], scores [batch, frames, vocabulary], or of
the texts found.
Standard output is JSON lines; whatever libraries print goes to standard error.
"""
import argparse, importlib.metadata, importlib.util, json, os, sys, time

sys.dont_write_bytecode = True
import engines

EXPORTER = ["torch", "transformers", "onnx", "onnxscript"]
# Name for people, package with the version, all packages. Precisions in the order of the table.
ENGINES = {
    "pytorch": ("PyTorch", "torch", ["torch", "transformers"], ["f32", "bf16"]),
    "onnxruntime": ("ONNX Runtime", "onnxruntime", EXPORTER + ["onnxruntime"], ["f32", "int8"]),
    "openvino": ("OpenVINO", "openvino", EXPORTER + ["openvino"], ["f32", "bf16", "int8"]),
    "ctranslate2": ("CTranslate2", "ctranslate2", ["torch", "transformers", "ctranslate2"], ["f32", "int8"]),
}
GPU_ENGINES = {
    "pytorch": ("PyTorch", "torch", ["torch", "transformers"], ["f32", "bf16", "f16"]),
    "pytorchcompiled": ("PyTorch compiled", "torch", ["torch", "transformers"], ["f32", "bf16", "f16"]),
}
SHAPES = {
    "tiny": dict(hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4),
    "300m": dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16),
    "1b": dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=48, num_attention_heads=16),
    "2b": dict(hidden_size=1920, intermediate_size=7680, num_hidden_layers=48, num_attention_heads=16),
}


def list_engines(device):
    for engine, (name, package, packages, precisions) in (GPU_ENGINES if device == "cuda" else ENGINES).items():
        for precision in precisions:
            needed = packages + (["nncf"] if (engine, precision) == ("openvino", "int8") else [])
            missing = [each for each in needed if importlib.util.find_spec(each) is None]
            line = dict(engine=f"{engine}-{precision}", name=name, precision=precision, translates=engine == "pytorch")
            yield line | (dict(missing=missing) if missing else dict(version=importlib.metadata.version(package)))


def checkpoint(shape, cache, device):
    def build(folder):
        import torch
        from transformers import (Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC,
                                  Wav2Vec2Processor)
        torch.manual_seed(0)
        # A GPU makes random numbers far faster.
        with torch.device(device):
            model = Wav2Vec2ForCTC(Wav2Vec2Config(
                vocab_size=64, conv_bias=True, feat_extract_norm="layer", do_stable_layer_norm=True, pad_token_id=0,
                bos_token_id=1, eos_token_id=2, **SHAPES[shape]))
        # Gains and biases far from initialisation, so that errors mean something.
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() == 1:
                    parameter.copy_(("weight" in name) + 0.1 * torch.randn_like(parameter))
                elif "original0" in name:
                    parameter.copy_(0.5 + torch.rand_like(parameter))
        model.save_pretrained(folder)
        tokens = ["<pad>", "<s>", "</s>", "<unk>", "|"] + [chr(0x61 + i) for i in range(26)]
        tokens += [chr(0x3B1 + i) for i in range(64 - len(tokens))]
        vocabulary = os.path.join(folder, "vocab.json")
        with open(vocabulary, "w") as file:
            json.dump({token: i for i, token in enumerate(tokens)}, file)
        Wav2Vec2Processor(Wav2Vec2FeatureExtractor(return_attention_mask=True),
                          Wav2Vec2CTCTokenizer(vocabulary)).save_pretrained(folder)
    return engines.cached(os.path.join(cache, f"random-{shape}"), build)


def run(engine, model, cache, arguments):
    import numpy
    kind, precision = engine.split("-")
    folder = engines.exports(model, cache)
    audio = numpy.fromfile(arguments.input, numpy.float32).reshape(arguments.batch, -1)
    settings = precision, model, folder, audio, arguments.threads, arguments.device
    if arguments.tokens:
        forward, array = engines.translation(*settings, arguments.tokens, arguments.beams)
    else:
        forward, array = getattr(engines, kind)(*settings)
    # The warm-up.
    numpy.ascontiguousarray(array(forward()), numpy.float32).tofile(arguments.scores)
    if arguments.device == "cuda":
        forward()
    seconds = []
    for _ in range(arguments.passes):
        start = time.perf_counter()
        forward()
        seconds.append(time.perf_counter() - start)
    with open("/proc/self/status") as status:
        kilobytes = next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    peak = engines.device_memory(arguments.device) or 1024 * kilobytes
    return dict(seconds=seconds, peakMemoryByteCount=peak)


def prepare(engine, model, cache):
    kind, precision = engine.split("-")
    folder = engines.exports(model, cache)
    os.makedirs(folder, exist_ok=True)
    if kind in engines.FILES:
        engines.FILES[kind](precision, model, folder)


def answers(arguments):
    """The lines to print."""
    if arguments.command == "list":
        yield from list_engines(arguments.device)
    elif arguments.command == "rates":
        yield from engines.rates(arguments.device)
    elif arguments.command == "checkpoint":
        yield dict(path=checkpoint(arguments.shape, arguments.cache, arguments.device))
    elif arguments.command == "prepare":
        yield dict(path=prepare(arguments.engine, arguments.model, arguments.cache))
    else:
        yield run(arguments.engine, arguments.model, arguments.cache, arguments)


def parsed():
    parser = argparse.ArgumentParser(usage=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, fields in [("list", []), ("rates", []), ("checkpoint", ["shape", "cache"]),
                         ("prepare", ["engine", "model", "cache"]),
                         ("run", ["engine", "model", "cache", "input", "scores"])]:
        command = commands.add_parser(name)
        for field in fields:
            command.add_argument(field)
        command.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    for name in ["--batch", "--threads", "--passes"]:
        command.add_argument(name, type=int, required=True)
    for name in ["--tokens", "--beams"]:
        command.add_argument(name, type=int)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parsed()
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # Before any library is loaded.
    os.environ["HF_HUB_OFFLINE"] = "1"
    if arguments.command == "run":
        os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(arguments.threads)
    try:
        for line in answers(arguments):
            print(json.dumps(line), file=output, flush=True)
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        print(json.dumps(dict(error=f"{type(error).__name__}: {first}")), file=output, flush=True)
        sys.exit(1)
