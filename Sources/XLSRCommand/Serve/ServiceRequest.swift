import HTTPServer
import XLSR

/// What a client asks of the service: audio, and options by their names without dashes.
struct ServiceRequest {
    /// What may be different from request to request.
    static let options: [Option] =
        [
            .task, .format, .timestamps, .language, .beams, .layer, .topK, .threshold, .chunkSeconds, .strideSeconds,
            .split,
        ] + Option.subtitles

    let audio: [UInt8]
    /// As the client calls it.
    let name: String
    /// What is said in the audio, where the client knows it.
    private(set) var text: String?
    private(set) var fields: [(name: String, value: String)]

    /// - Throws: `HTTPError` for a request without audio.
    init(_ request: HTTPRequest) throws {
        fields = request.head.query
        if let form = try MultipartForm(request) {
            var file: MultipartForm.Part?
            for part in form.parts {
                if part.name == "file" {
                    file = part
                } else {
                    guard let value = String(validating: part.content, as: UTF8.self) else {
                        throw HTTPError(.badRequest, "field \(singleQuoted(part.name)) is not UTF-8")
                    }
                    fields.append((part.name, value))
                }
            }
            guard let file else { throw HTTPError(.badRequest, "the form has no field file with audio") }
            audio = Array(file.content)
            // A hyphen would be standard input.
            name = file.fileName.flatMap { ["", "-"].contains($0) ? nil : $0 } ?? "audio"
        } else {
            (audio, name) = (request.body, "audio")
        }
        guard !audio.isEmpty else {
            throw HTTPError(.badRequest, "no audio: send it as the body, or as the field file of a form")
        }
    }

    /// Takes a field out of the others; the last one counts.
    mutating func take(_ name: String) -> String? { takeAll(name).last }

    /// Takes the fields of a name out of the others.
    mutating func takeAll(_ name: String) -> [String] {
        defer { fields.removeAll { $0.name == name } }
        return fields.filter { $0.name == name }.map(\.value)
    }

    mutating func set(_ name: String, _ value: String) {
        _ = take(name)
        fields.append((name, value))
    }

    /// Takes the text out of the fields.
    mutating func takeText() { text = take("text") }

    /// What the service's own arguments become for this request.
    /// - Throws: `HTTPError` for a field that isn't known.
    func arguments(_ base: Arguments) throws -> Arguments {
        var given: [(option: Option, values: [String]?)] = []
        // Of the service's own.
        var dropped: [Option] = []
        for field in fields {
            guard let option = Self.options.first(where: { $0.fieldName == field.name }) else {
                throw HTTPError(
                    .badRequest,
                    "unknown field \(field.name)" + suggestion(for: field.name, among: Self.options.map(\.fieldName)))
            }
            // As on the command line, which takes no empty value.
            guard !field.value.isEmpty else { throw HTTPError(.badRequest, "\(field.name) needs a value") }
            given.append((option, [field.value]))
            switch field.name {
            case Option.language.fieldName where field.value == "auto" && !base.has(.identifier):
                throw HTTPError(.badRequest, "language: nothing here finds a language out; name one")
            // A language that is named needn't be found out.
            case Option.language.fieldName where field.value != "auto": dropped.append(.identifier)
            // Another length is cut in another way than the service's.
            case Option.chunkSeconds.fieldName: dropped += [.strideSeconds, .split]
            default: break
            }
        }
        // The service's decoder is for transcripts.
        if let task = fields.last(where: { $0.name == Option.task.fieldName })?.value,
            task != RunOptions.Task.transcribe.rawValue, task != RunOptions.Task.auto.rawValue
        {
            guard text == nil else { throw HTTPError(.badRequest, "a text is aligned, which is no task \(task)") }
            dropped += [.decoder] + DecoderOptions.beamOptions
        }
        return base.replacing(dropped.map { ($0, nil) } + given, operands: text == nil ? [] : ["audio", "text"])
    }
}

extension Option {
    /// As requests have it: `top_k`.
    var fieldName: String { String(name.drop { $0 == "-" }.map { $0 == "-" ? "_" : $0 }) }
}

/// A message in the words of requests.
func inFieldNames(_ message: String) -> String {
    // The longest first: one name may begin another.
    ServiceRequest.options.sorted { $0.name.utf8.count > $1.name.utf8.count }
        .reduce(message) { $0.replacing($1.name, with: $1.fieldName) }
}
