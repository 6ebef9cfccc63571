"""Rows of prove.sh from what xlsr, Benchmarks and peers.py say.

usage: rows.py bench JSON RATES    a row an engine or device of a report of Benchmarks
       rows.py rates RATES         of peers.py rates
       rows.py blocks LOG BEGIN P  the largest difference that `xlsr verify --golden` wrote there, at precision P
       rows.py device NAME         of `xlsr devices --json` on standard input
       rows.py sets                the processor's instruction sets there
       rows.py opencl              the name of NVIDIA's OpenCL device there
       rows.py present             the engines of `peers.py list` on standard input that have what they need
       rows.py field NAME          of the last JSON line on standard input
       rows.py clip WAV            writes 10 s of tones
"""
import json, math, os, re, struct, sys, wave


def rates(path):
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        return {line["rate"]: line["perSecond"] for line in map(json.loads, file)}


def speed(operations, timing, precision, measured):
    """TFLOP/s, and of the product rate that PyTorch reaches on this device at that precision."""
    perSecond = operations / timing["median"]
    peak = measured.get(f"product-{precision}")
    return f"{perSecond / 1e12:.3g} TFLOP/s" + (f" ({100 * perSecond / peak:.1f} % of products)" if peak else "")


def of_peers(comparison, measured):
    """A row an engine."""
    engines = comparison["engines"]
    peers = [engine for engine in engines if not engine["isOurs"] and engine.get("timing")]
    best = min(peers, key=lambda engine: engine["timing"]["median"], default=None)
    title = f"{os.path.basename(comparison['model'])} {comparison['batchSize']} x {comparison['audioSeconds']:g} s"
    for engine in engines:
        name = f"{title} {engine['precision']}, {engine['name']}"
        timing = engine.get("timing")
        if not timing:
            yield f"{name}: {engine.get('failure', 'not run')}"
            continue
        words = [f"{timing['median']:.5f} s ({timing['minimum']:.5f}-{timing['maximum']:.5f})"]
        if engine["isOurs"] and best:
            words.append(f"{timing['median'] / best['timing']['median']:.4f} of the time of {best['name']}")
        words.append(speed(comparison["operationCount"], timing, engine["precision"], measured))
        # PyTorch as it comes; in f32 it may be what errors are measured from, and have none.
        error = next((e["relativeError"] for e in peers if e["engine"] == f"pytorch-{engine['precision']}"), None)
        share = f" ({engine['relativeError'] / error:.4f} of PyTorch's)" if engine["isOurs"] and error else ""
        words.append(f"error {engine['relativeError']:.1e}{share}")
        peak, weights = engine["peakMemoryByteCount"], engine.get("weightByteCount")
        beyond = "" if weights is None else f", {(peak - weights) / 1e9:.2f} beyond its weights"
        words.append(f"{peak / 1e9:.2f} GB{beyond}")
        yield f"{name}: {', '.join(words)}"
    if not peers:
        raise SystemExit("error: no peer was timed")


def bench(path, measured):
    with open(path) as file:
        report = json.load(file)
    for comparison in report.get("peers", []):
        yield from of_peers(comparison, measured)
    for model in report.get("models", []):
        title = os.path.basename(model["model"])
        name = f"{title} {model['batchSize']} x {model['audioSeconds']:g} s {model['precision']}"
        timing = model.get("timing")
        yield f"{name}, xlsr {model['device']}: " + (
            f"{timing['median']:.5f} s, {speed(model['operationCount'], timing, model['precision'], measured)}, "
            f"pool {model['peakPoolByteCount'] / 1e9:.2f} GB" if timing else f"WRONG: {model.get('failure')}")


def blocks(path, begin, precision):
    with open(path, "rb") as file:
        text = file.read()[begin:].decode(errors="replace")
    found, checkpoint, inside = [], "", False
    for line in text.splitlines():
        start = re.match(r"(\S+) as \S+$", line)
        if start:
            checkpoint, inside = start[1], False
        elif line.startswith("block "):
            inside = True
        elif line.startswith("all ") or line.startswith("error:"):
            inside = False
        elif inside and (row := re.match(r"(\S+)  +(\S+)", line)):
            number = re.fullmatch(r"[0-9.]+(e[-+][0-9]+)?", row[2])
            found.append((float(row[2]) if number else math.inf, f"{row[1]} of {checkpoint}"))
    if not found:
        raise SystemExit("error: no block was compared")
    largest, where = max(found)
    yield f"{precision}: largest difference of {len(found)} blocks {largest:.1e} ({where})"
    if precision == "f32":
        yield f"f32: every difference at most 1e-4 of the block's largest: {'yes' if largest <= 1e-4 else 'NO'}"


def clip(path):
    rate = 16000
    samples = (0.3 * math.sin(i * 0.05 * (1 + math.sin(i / 4000))) for i in range(10 * rate))
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", int(32767 * sample)) for sample in samples))


def lines(command, arguments):
    if command == "bench":
        yield from bench(arguments[0], rates(arguments[1]))
    elif command == "rates":
        for name, perSecond in rates(arguments[0]).items():
            yield f"{name}: {perSecond / 1e12:.3g} T/s"
    elif command == "blocks":
        yield from blocks(arguments[0], int(arguments[1]), arguments[2])
    elif command == "device":
        report = json.load(sys.stdin)
        (device,) = [each for each in report["devices"] if each["name"] == arguments[0]]
        if not device["present"]:
            raise SystemExit(f"{arguments[0]} is missing: {device['detail']}")
        nvrtc = report["cuda"]["nvrtc"]
        yield device["detail"] + (f", NVRTC {nvrtc['version']} ({nvrtc['path']})" if arguments[0] == "cuda" else "")
    elif command == "sets":
        yield "instruction sets: " + ", ".join(json.load(sys.stdin)["instruction_sets"])
    elif command == "opencl":
        devices = (json.load(sys.stdin).get("opencl") or {}).get("devices", [])
        yield from [each["name"] for each in devices if "NVIDIA" in each["vendor"].upper()][:1]
    elif command == "present":
        yield from [each["engine"] for each in map(json.loads, sys.stdin) if not each.get("missing")]
    elif command == "field":
        yield json.loads(sys.stdin.read().strip().splitlines()[-1])[arguments[0]]
    elif command == "clip":
        clip(arguments[0])
    else:
        raise SystemExit(__doc__)


for line in lines(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]):
    print(line)
