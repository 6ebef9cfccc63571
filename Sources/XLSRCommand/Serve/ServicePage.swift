/// The page at `/`: a file or the microphone to try the service with. It asks nobody else for anything, and sends WAV
/// of what it records, so that nothing but the service is needed.
let servicePage = """
    <!DOCTYPE html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>xlsr</title>
    <link rel="icon" href="data:,">
    <style>
      :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 25%, transparent); }
      body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; }
      h1 { font-size: 1.3rem; margin: 0; }
      #about { opacity: .7; margin: 0 0 1.5rem; }
      #drop { border: 2px dashed var(--line); border-radius: .6rem; padding: 1.5rem; text-align: center; }
      #drop.over { border-color: currentColor; }
      button, select, input { font: inherit; }
      button { padding: .3rem .9rem; }
      #fields { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
      #fields input { width: 8rem; }
      pre { white-space: pre-wrap; overflow-wrap: anywhere; border-top: 1px solid var(--line); padding-top: 1rem; }
      #status { min-height: 1.5em; opacity: .7; }
    </style>
    <h1>xlsr</h1>
    <p id="about">…</p>
    <div id="drop">
      <input type="file" id="file" accept="audio/*,video/*" aria-label="a recording">
      or drop one here, or <button id="record">record</button>
    </div>
    <div id="fields">
      <label>format <select id="format"></select></label>
      <label>language <input id="language" list="languages"><datalist id="languages"></datalist></label>
    </div>
    <div id="status" role="status"></div>
    <pre id="result"></pre>
    <script>
      const at = id => document.getElementById(id);
      const formats = {
        transcribe: ["text", "json", "srt", "vtt", "lrc", "tsv", "csv", "ctm", "textgrid", "rttm"],
        frames: ["text", "json", "rttm"], features: ["safetensors"],
      };
      let last = null;

      async function about() {
        const health = await (await fetch("health")).json();
        at("about").textContent = `${health.model}: ${health.task} on ${health.device}, ${health.precision}`;
        for (const format of formats[health.task] ?? ["text", "json"]) at("format").add(new Option(format));
        for (const language of health.languages ?? []) at("languages").append(new Option(language));
        const asks = health.languages || health.task === "translate";
        at("language").parentElement.hidden = !asks;
      }

      async function ask(audio, name) {
        last = [audio, name];
        const form = new FormData();
        form.append("format", at("format").value);
        if (at("language").value) form.append("language", at("language").value);
        form.append("file", audio, name);
        at("status").textContent = `${name} …`;
        at("result").textContent = "";
        const start = performance.now();
        try {
          const answer = await fetch("run", { method: "POST", body: form });
          if (answer.ok && answer.headers.get("content-type") === "application/octet-stream") {
            const link = document.createElement("a");
            link.href = URL.createObjectURL(await answer.blob());
            link.download = name.replace(/\\.[^.]*$/, "") + ".safetensors";
            link.click();
          } else {
            const text = await answer.text();
            at("result").textContent = answer.ok ? text : JSON.parse(text).error.message;
          }
          at("status").textContent = `${name}: ${((performance.now() - start) / 1000).toFixed(2)} s`;
        } catch (error) {
          at("status").textContent = `${name}: ${error.message}`;
        }
      }

      function wav(blocks, rate) {
        const count = blocks.reduce((sum, block) => sum + block.length, 0);
        const view = new DataView(new ArrayBuffer(44 + 2 * count));
        const text = (place, value) => [...value].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
        text(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); text(8, "WAVEfmt ");
        view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
        view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
        view.setUint16(32, 2, true); view.setUint16(34, 16, true);
        text(36, "data"); view.setUint32(40, 2 * count, true);
        let place = 44;
        for (const block of blocks) for (const sample of block) {
          view.setInt16(place, Math.max(-1, Math.min(1, sample)) * 32767, true);
          place += 2;
        }
        return new Blob([view], { type: "audio/wav" });
      }

      let recording = null;
      async function record() {
        if (recording) return recording();
        if (!navigator.mediaDevices) {
          at("status").textContent = "browsers give the microphone to https and to this machine's own pages only";
          return;
        }
        try {
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
          const context = new AudioContext();
          const code = "registerProcessor('tap', class extends AudioWorkletProcessor { process(inputs) {"
            + " if (inputs[0][0]) this.port.postMessage(inputs[0][0].slice()); return true; } })";
          await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
          const tap = new AudioWorkletNode(context, "tap");
          const blocks = [];
          tap.port.onmessage = event => blocks.push(event.data);
          context.createMediaStreamSource(stream).connect(tap);
          at("record").textContent = "stop";
          at("status").textContent = "recording …";
          recording = () => {
            recording = null;
            at("record").textContent = "record";
            stream.getTracks().forEach(track => track.stop());
            const rate = context.sampleRate;
            context.close();
            ask(wav(blocks, rate), "recording.wav");
          };
        } catch (error) {
          at("status").textContent = `no microphone: ${error.message}`;
        }
      }

      at("file").onchange = event => event.target.files[0] && ask(event.target.files[0], event.target.files[0].name);
      at("record").onclick = record;
      at("format").onchange = at("language").onchange = () => last && ask(...last);
      const drop = at("drop");
      drop.ondragover = event => { event.preventDefault(); drop.classList.add("over"); };
      drop.ondragleave = () => drop.classList.remove("over");
      drop.ondrop = event => {
        event.preventDefault();
        drop.classList.remove("over");
        const file = event.dataTransfer.files[0];
        if (file) ask(file, file.name);
      };
      about();
    </script>
    </html>

    """
