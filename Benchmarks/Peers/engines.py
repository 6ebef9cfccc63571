"""How each engine is opened: its model file, made once, and a forward pass to time.

A function per engine gives a pass without arguments and how its result becomes an array.
"""
import hashlib, os, shutil


def cached(path, build):
    """Builds a folder once; it appears whole or not at all."""
    if not os.path.exists(path):
        unfinished = f"{path}.{os.getpid()}.tmp"
        os.makedirs(unfinished)
        try:
            build(unfinished)
            os.rename(unfinished, path)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return path


def exports(model, cache):
    """The folder for what is made from a checkpoint; another one when its files change."""
    files = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in os.scandir(model) if e.is_file())
    digest = hashlib.sha256(repr((os.path.realpath(model), files)).encode()).hexdigest()[:12]
    return os.path.join(cache, f"{os.path.basename(os.path.realpath(model))}-{digest}")


def torch_model(model, precision, device="cpu", name="Wav2Vec2ForCTC"):
    import torch, transformers
    dtype = dict(f32=torch.float32, bf16=torch.bfloat16, f16=torch.float16)[precision]
    network = getattr(transformers, name).from_pretrained(model, dtype=dtype, attn_implementation="sdpa")
    return torch, network.to(device).eval()


def pytorch(precision, model, folder, audio, threads, device, is_compiled=False):
    """A pass from samples in host memory to scores on the device, as ours."""
    torch, network = torch_model(model, precision, device)
    torch.set_num_threads(threads)
    # float32 is float32: convolutions would round to TensorFloat-32.
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    # With CUDA graphs, as short passes need.
    forward = torch.compile(network, mode="reduce-overhead") if is_compiled else network
    x = torch.from_numpy(audio).to(network.dtype)

    def run():
        with torch.inference_mode():
            scores = forward(x.to(device)).logits
        if device == "cuda":
            torch.cuda.synchronize()
        return scores
    return run, lambda y: y.float().cpu().numpy()


def translation(precision, model, folder, audio, threads, device, tokens, beams):
    """A search by `generate` for a text of so many tokens, over speech that is encoded already; its texts' scores."""
    torch, network = torch_model(model, precision, device, "SpeechEncoderDecoderModel")
    torch.set_num_threads(threads)
    with torch.inference_mode():
        speech = network.encoder(torch.from_numpy(audio).to(device, network.dtype))

    def run():
        with torch.inference_mode():
            found = network.generate(
                encoder_outputs=type(speech)(last_hidden_state=speech.last_hidden_state.clone()), num_beams=beams,
                num_return_sequences=beams, min_length=tokens + 1, max_length=tokens + 1, output_scores=True,
                return_dict_in_generate=True)
        return found.sequences_scores
    return run, lambda y: y.float().cpu().numpy()


def pytorchcompiled(*arguments):
    return pytorch(*arguments, is_compiled=True)


def device_memory(device):
    """The most bytes that PyTorch held on a GPU."""
    if device == "cpu":
        return None
    import torch
    return torch.cuda.max_memory_reserved()


def rates(device, seconds=0.5):
    """What the device does at most, by PyTorch: products of squares by precision, and a copy (bytes read and written)."""
    import time, torch

    def timed(work):
        wait = torch.cuda.synchronize if device == "cuda" else lambda: None
        work()
        wait()
        best, end = float("inf"), time.perf_counter() + seconds
        while time.perf_counter() < end:
            start = time.perf_counter()
            for _ in range(4):
                work()
            wait()
            best = min(best, (time.perf_counter() - start) / 4)
        return best
    n = 8192 if device == "cuda" else 512
    torch.backends.cuda.matmul.allow_tf32 = False
    for name, dtype in [("f32", torch.float32), ("bf16", torch.bfloat16), ("f16", torch.float16)]:
        a, b = (torch.randn(n, n, dtype=dtype, device=device) for _ in range(2))
        yield dict(rate=f"product-{name}", perSecond=2 * n**3 / timed(lambda: a @ b))
    a, b = (torch.randn(n * n * 4, device=device) for _ in range(2))
    yield dict(rate="copy-bytes", perSecond=2 * 4 * a.numel() / timed(lambda: b.copy_(a)))


def onnx(model, folder):
    def build(target):
        torch, network = torch_model(model, "f32")

        class Logits(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.network = network

            def forward(self, x):
                return self.network(x).logits
        axes = {0: torch.export.Dim("batch", min=1, max=1024), 1: torch.export.Dim("samples", min=4000, max=57_600_000)}
        with torch.no_grad():
            torch.onnx.export(Logits().eval(), (torch.randn(1, 32000),), os.path.join(target, "model.onnx"),
                              input_names=["x"], output_names=["y"], dynamo=True, external_data=True,
                              dynamic_shapes={"x": axes})
    return os.path.join(cached(os.path.join(folder, "onnx"), build), "model.onnx")


def onnxruntime_file(precision, model, folder):
    if precision == "f32":
        return onnx(model, folder)

    def build(target):
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(onnx(model, folder), os.path.join(target, "model.onnx"), op_types_to_quantize=["MatMul"],
                         weight_type=QuantType.QInt8, use_external_data_format=True)
    return os.path.join(cached(os.path.join(folder, "onnx-int8"), build), "model.onnx")


def onnxruntime(precision, model, folder, audio, threads, device):
    from onnxruntime import InferenceSession, SessionOptions
    options = SessionOptions()
    options.intra_op_num_threads = threads
    session = InferenceSession(onnxruntime_file(precision, model, folder), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": audio})[0], lambda y: y


def openvino_file(precision, model, folder):
    if precision != "int8":
        return onnx(model, folder)

    def build(target):
        import nncf, numpy, openvino
        noise = numpy.random.default_rng(0)
        clips = [noise.standard_normal((1, 48000)).astype(numpy.float32) for _ in range(4)]
        network = nncf.quantize(openvino.Core().read_model(onnx(model, folder)), nncf.Dataset(clips, lambda x: {0: x}),
                                model_type=nncf.ModelType.TRANSFORMER, subset_size=len(clips))
        openvino.save_model(network, os.path.join(target, "model.xml"), compress_to_fp16=False)
    return os.path.join(cached(os.path.join(folder, "openvino-int8"), build), "model.xml")


def openvino(precision, model, folder, audio, threads, device):
    import openvino
    core = openvino.Core()
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if precision == "bf16" and not has_bf16:
        raise RuntimeError("OpenVINO has no bf16 on this processor and would run f32")
    hint = "f32" if precision == "f32" or not has_bf16 else "bf16"
    network = core.compile_model(openvino_file(precision, model, folder), "CPU", {
        "INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
    request = network.create_infer_request()
    return lambda: request.infer({0: audio})[0], lambda y: y


def ctranslate2_folder(precision, model, folder):
    import ctranslate2
    converter = ctranslate2.converters.TransformersConverter(model)
    return cached(os.path.join(folder, "ctranslate2"), lambda target: converter.convert(target, force=True))


def ctranslate2(precision, model, folder, audio, threads, device):
    import ctranslate2, numpy
    network = ctranslate2.models.Wav2Vec2(ctranslate2_folder(precision, model, folder), device="cpu",
                                          compute_type=dict(f32="float32", int8="int8")[precision], intra_threads=threads)
    x = audio[:, None, :].copy()
    return lambda: numpy.array(network.encode(ctranslate2.StorageView.from_array(x), to_cpu=True)), lambda y: y


# What makes the file or folder that an engine reads.
FILES = dict(onnxruntime=onnxruntime_file, openvino=openvino_file, ctranslate2=ctranslate2_folder)
