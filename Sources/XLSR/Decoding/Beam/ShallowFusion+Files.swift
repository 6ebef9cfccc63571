import TensorEngine

extension ShallowFusion {
    /// The folder of a Hugging Face repository that holds its language model.
    package static let folderName = "language_model"

    /// Loads a language model: a file that `NGramModel` reads, or a folder as pyctcdecode saves it.
    ///
    /// Of an ARPA file, its words are the known ones; a KenLM binary alone has none. A folder has the model (`*.arpa`,
    /// `*.bin` or `*.binary`, also with `.gz`), `unigrams.txt` with a known word on each line, and `attrs.json` with
    /// `alpha`, `beta`, `unk_score_offset` and `score_boundary`.
    /// - Throws: `CheckpointError` for what is missing, broken or not supported.
    public static func load(_ path: String) throws -> ShallowFusion {
        guard !CheckpointFiles.isFolder(path) else { return try load(folder: CheckpointFiles(folder: path)) }
        let model = try NGramModel.load(path)
        let isText = [.arpa, .compressedARPA].contains(model.format)
        return ShallowFusion(model, unigrams: isText ? model.words() : nil, name: path)
    }

    private static func load(folder files: CheckpointFiles) throws -> ShallowFusion {
        let weights = try Weights(files)
        let unigrams = try unigrams(files)
        let path = try modelPath(in: files)
        return ShallowFusion(try NGramModel.load(path), unigrams: unigrams, weights: weights, name: path)
    }

    private static func unigrams(_ files: CheckpointFiles) throws -> [String] {
        let path = files.path(of: "unigrams.txt")
        guard let memory = try files.memory(of: "unigrams.txt", mayBeEmpty: true) else {
            throw CheckpointError(
                .missingFile, path: path, "no such file",
                remedy: "a language model's folder lists the known words there, one a line; it may be empty")
        }
        return lines(of: try memory.contents(limit: .max, path: path))
    }

    private static func modelPath(in files: CheckpointFiles) throws -> String {
        let extensions = [".arpa", ".bin", ".binary", ".arpa.gz"]
        let names = files.names().filter { name in
            !name.hasPrefix(".") && extensions.contains { name.hasSuffix($0) }
        }
        guard let name = names.first, names.count == 1 else {
            throw CheckpointError(
                .languageModel, path: files.path,
                names.isEmpty
                    ? "has no *.arpa, *.bin or *.binary" : "has several models, \(names.joined(separator: ", "))",
                remedy: "a language model's folder holds one")
        }
        return files.path(of: name)
    }

    /// The lines of a text, as Python's `splitlines` cuts them (but for breaks beyond ASCII).
    static func lines(of bytes: [UInt8]) -> [String] {
        bytes.split { (0x0A...0x0D).contains($0) || (0x1C...0x1E).contains($0) }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// - Throws: `UsageError` for a weight that isn't finite.
    func check() throws {
        let numbers = [weights.languageWeight, weights.wordScore, weights.unknownWordScore]
        guard numbers.allSatisfy(\.isFinite) else { throw UsageError("a weight of the language model isn't finite") }
    }
}

extension ShallowFusion.Weights {
    /// Reads attrs.json, which has these four fields and no others.
    fileprivate init(_ files: CheckpointFiles) throws {
        let path = files.path(of: "attrs.json")
        guard let bytes = try files.contents(of: "attrs.json") else {
            throw CheckpointError(
                .missingFile, path: path, "no such file", remedy: "name the language model's file instead of its folder"
            )
        }
        guard let fields = try JSON(parsing: bytes, path: path).object else {
            throw CheckpointError(.configuration, path: path, "is not a JSON object")
        }
        let known = ["alpha", "beta", "unk_score_offset", "score_boundary"]
        if let other = fields.keys.filter({ !known.contains($0) }).min() {
            throw CheckpointError(.configuration, path: path, "has the field \(other), which is not known")
        }
        func number(_ name: String) throws -> Double {
            guard let value = fields[name]?.double, value.isFinite else {
                throw CheckpointError(.configuration, path: path, "\(name) is missing or not a number")
            }
            return value
        }
        self.init()
        (languageWeight, wordScore) = (try number("alpha"), try number("beta"))
        unknownWordScore = try number("unk_score_offset")
        guard let boundary = fields["score_boundary"]?.bool else {
            throw CheckpointError(.configuration, path: path, "score_boundary is missing or neither true nor false")
        }
        scoresBoundaries = boundary
    }
}

extension BeamAlphabet {
    /// The alphabet.json of a folder, used as it is; nil when there is none.
    /// - Throws: `CheckpointError` for anything else than `{"labels": [...], "is_bpe": ...}`.
    package init?(_ files: CheckpointFiles) throws {
        guard let bytes = try files.contents(of: "alphabet.json") else { return nil }
        let path = files.path(of: "alphabet.json")
        // The vocabulary's parser keeps apart what Swift's strings take for equal; labels are no keys, so JSON's will
        // do.
        let fields = try JSON(parsing: bytes, path: path)
        guard let labels = fields["labels"]?.array, let isSubword = fields["is_bpe"]?.bool else {
            throw CheckpointError(.tokenizer, path: path, "has no list of labels, or doesn't say is_bpe")
        }
        let texts = labels.compactMap(\.string)
        guard texts.count == labels.count else {
            throw CheckpointError(.tokenizer, path: path, "has a label that is not a string")
        }
        do {
            try self.init(labels: texts, isSubword: isSubword)
        } catch let error as UsageError {
            throw CheckpointError(.tokenizer, path: path, error.description)
        }
    }
}
