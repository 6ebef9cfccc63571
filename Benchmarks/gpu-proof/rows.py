"""Rows of prove.sh from what xlsr, Benchmarks and peers.py say.

usage: rows.py bench JSON RATES    a row an engine or device of a report of Benchmarks
       rows.py rates RATES         of peers.py rates
       rows.py device NAME         of `xlsr devices --json` on standard input
       rows.py opencl              the name of NVIDIA's OpenCL device there
       rows.py field NAME          of the last JSON line on standard input
       rows.py clip WAV            writes 10 s of tones
"""
import json, math, os, struct, sys, wave


def rates(path):
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        return {line["rate"]: line["perSecond"] for line in map(json.loads, file)}


def speed(operations, timing, precision, measured):
    """TFLOP/s, and of the product rate that PyTorch reaches on this device at that precision."""
    perSecond = operations / timing["median"]
    peak = measured.get(f"product-{precision}")
    return f"{perSecond / 1e12:.3g} TFLOP/s" + (f" ({100 * perSecond / peak:.0f} % of products)" if peak else "")


def bench(path, measured):
    with open(path) as file:
        report = json.load(file)
    for comparison in report.get("peers", []):
        title = f"{os.path.basename(comparison['model'])} {comparison['batchSize']} x {comparison['audioSeconds']:g} s"
        engines = [engine for engine in comparison["engines"]]
        best = min((e["timing"]["median"] for e in engines if not e["isOurs"] and e.get("timing")), default=None)
        for engine in engines:
            name = f"{title} {engine['precision']}, {engine['name']}"
            timing = engine.get("timing")
            if not timing:
                yield f"{name}: {engine.get('failure', 'not run')}"
                continue
            words = [f"{timing['median']:.5f} s ({timing['minimum']:.5f}-{timing['maximum']:.5f})"]
            if engine["isOurs"] and best:
                words.append(f"{timing['median'] / best:.2f} of PyTorch's time")
            words.append(speed(comparison["operationCount"], timing, engine["precision"], measured))
            words.append(f"error {engine['relativeError']:.1e}")
            words.append(f"{engine['peakMemoryByteCount'] / 1e9:.2f} GB")
            yield f"{name}: {', '.join(words)}"
    for model in report.get("models", []):
        name = f"{model['model']} {model['batchSize']} x {model['audioSeconds']:g} s {model['precision']}"
        timing = model.get("timing")
        yield f"{name}, xlsr {model['device']}: " + (
            f"{timing['median']:.5f} s, {speed(model['operationCount'], timing, model['precision'], measured)}, "
            f"pool {model['peakPoolByteCount'] / 1e9:.2f} GB" if timing else f"WRONG: {model.get('failure')}")


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
    elif command == "device":
        report = json.load(sys.stdin)
        (device,) = [each for each in report["devices"] if each["name"] == arguments[0]]
        if not device["present"]:
            raise SystemExit(f"{arguments[0]} is missing: {device['detail']}")
        nvrtc = report["cuda"]["nvrtc"]
        yield device["detail"] + (f", NVRTC {nvrtc['version']} ({nvrtc['path']})" if arguments[0] == "cuda" else "")
    elif command == "opencl":
        devices = (json.load(sys.stdin).get("opencl") or {}).get("devices", [])
        yield from [each["name"] for each in devices if "NVIDIA" in each["vendor"].upper()][:1]
    elif command == "field":
        yield json.loads(sys.stdin.read().strip().splitlines()[-1])[arguments[0]]
    elif command == "clip":
        clip(arguments[0])
    else:
        raise SystemExit(__doc__)


for line in lines(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2:]):
    print(line)
