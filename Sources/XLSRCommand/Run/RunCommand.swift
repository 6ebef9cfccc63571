import XLSR

extension Command {
    static let run = Command(
        name: "run",
        summary: "Writes what is said in audio files, or what the model computes from them.",
        operands: Operands(
            synopsis: "[AUDIO ...]",
            help: """
                WAV of any kind, and what ffmpeg reads where it is installed; - is standard input; none: a bundled \
                recording
                """,
            limit: .max),
        options: [
            .model, .devices, .precision, .task, .format, .output, .timestamps, .language, .identifier, .beams, .layer,
            .topK, .threshold, .batchSeconds, .chunkSeconds, .strideSeconds, .split, .live, .pauseSeconds, .normalize,
            .decoder, .beamWidth, .lm, .lmWeight, .wordScore, .hotword, .lexicon, .nbest,
        ] + Option.subtitles + [.threads, .quiet, .verbose],
        notes: [
            """
            Results go to standard output unless --output is given. With several inputs, text becomes lines of name, \
            tab, text, and json one object a line; ctm and rttm name the recording on each line; the other formats need \
            a folder as --output.
            """,
            """
            classify writes the likeliest labels of the whole audio (a language, say) and their probabilities; frames \
            who is active when, as lines of start, end, label and confidence; embed a vector for the voice, or with \
            several inputs the cosine of each with those before it: near 1 for one speaker. With json, each object has \
            its vector too.
            """,
            """
            features writes last_hidden_state and extract_features, or with --layer hidden states under the numbers \
            that Hugging Face gives them; logits everything that the checkpoint's own head gives (logits, embeddings, \
            projected_states, ...); both as tensors [frames, channels] in safetensors, which classify, frames and embed \
            can also write.
            """,
            """
            Audio above 60 s is cut as Hugging Face's speech recognition pipeline cuts it: chunks of 30 s, each \
            computed and normalised by itself, of which the strides that a neighbour covers are dropped before the rest \
            is joined. The frames of features and heads are joined the same way, before they are pooled. Memory stays that of a batch and of \
            the file's samples (and of the tensors that are written). Audio in one piece needs memory with its length.
            """,
            """
            --split silence cuts it in silences instead: each chunk in the middle of the longest silence of its second \
            half, at --chunk-seconds at the latest, so no word is cut and nothing is computed twice; where there is no \
            silence of 0.24 s, as above.
            """,
            """
            --live reads a WAV stream while it comes, from a microphone say, and writes each utterance, or \
            its translation, when the speaker pauses; one that is --chunk-seconds long is cut where it is quietest. Times \
            count from the stream's beginning. Ctrl-C ends the listening, a second one the program.
            """,
            """
            srt, vtt, lrc and tsv are made of subtitles; csv, ctm and textgrid of words; rttm of stretches of speech.
            """,
            """
            translate writes what the speech means in the language of --language (de, deu, de_DE), by the checkpoint's \
            own search or with --beams. On a terminal the text of a single input appears while it is written. Audio \
            above 60 s is cut into pieces of 30 s that don't overlap, each translated by itself; --split silence cuts no \
            sentence. json has the tokens and the score of each piece.
            """,
            """
            A model folder with language_model/ is decoded by a beam search with that language model, unless --decoder \
            greedy or --lm none is given; alphabet.json beside it says what the outputs stand for. Texts and scores are \
            those of pyctcdecode 0.5.0 with the same settings.
            """,
            """
            Inputs share batches of --batch-seconds, which several devices compute at the same time; results come in the \
            inputs' order all the same. A device that fails in the middle is reported, and the others do its work.
            """,
            "Exit status: 0 done, 1 something failed (other inputs still ran), 2 wrong usage.",
        ],
        examples: [
            Example("xlsr run", "transcribe a bundled recording with the bundled model"),
            Example("xlsr run --model ./xlsr-german speech.wav", "transcribe with a model from a folder"),
            Example("xlsr run --format srt --output subtitles/ *.wav", "a subtitle file for each recording"),
            Example("xlsr run --format srt --line-length 32 --cue-lines 1 a.wav", "short subtitles, a line each"),
            Example("xlsr run --split silence podcast.mp3", "an hour of speech, cut where nobody speaks"),
            Example("xlsr run --device cuda:0,cuda:1 --batch-seconds 120 *.wav", "on two GPUs, in large batches"),
            Example("xlsr run --format json --timestamps char a.wav", "each character with its time"),
            Example("xlsr run --task translate --language de --model ./en-to-15 a.wav", "into German"),
            Example("xlsr run --task features --layer 3 --output a.safetensors a.wav", "hidden states after layer 3"),
            Example("xlsr run --model ./lid --top-k 3 a.wav", "the likeliest languages, with a language identifier"),
            Example("xlsr run --model ./diarizer --format rttm a.wav", "who speaks when"),
            Example("xlsr run --model ./speaker-verifier a.wav b.wav", "how alike two voices are"),
            Example("xlsr run --chunk-seconds 20 --stride-seconds 4 talk.wav", "in chunks of 20 s that overlap by 8 s"),
            Example(
                "xlsr run --lm news.arpa --hotword Zürich:8 a.wav", "with a language model and a word to look out for"),
            Example("xlsr run --nbest 5 --format json a.wav", "the five best texts with their scores"),
            Example("arecord -f S16_LE -r 16000 | xlsr run --live", "transcribe what the microphone hears"),
        ],
        perform: { try RunSession(RunOptions($0)).run() })
}
