import TensorEngine
import Testing
import XLSR

@Suite struct MultilingualTests {
    @Test(arguments: GoldenDevices.all)
    func theLanguageIsFoundOutAndItsAdapterTranscribes(device: GoldenDevice) throws {
        let golden = try Golden("language-adapters")
        let model = try golden.model(on: device.backend)
        let identifier = try XLSRModel.load(testFolder + "/Goldens/language-classifier", on: device.backend)
        let transcriber = try MultilingualTranscriber(model, identifier: identifier)
        var heard: Set<String> = []
        for index in [0, 1, 2, 1] {
            let samples = try golden.tensors.tensor(named: "input.\(index)").floats()
            let (transcript, found) = try transcriber.transcribe(samples, sampleRate: 16_000)
            #expect(found.label == golden.metadata["label.\(index)"])
            let probability = try #require(golden.metadata["probability.\(index)"].flatMap(Double.init))
            #expect((found.probability - probability).magnitude < 1e-4)
            heard.insert(found.language)
            let name = found.language == "eng" ? "text.\(index)" : "text.\(found.language).\(index)"
            #expect(transcript.text == golden.metadata[name])
        }
        #expect(heard == ["deu", "eng", "fra"])
    }

    @Test func modelsOfOtherKindsAreRefused() throws {
        let backend = GoldenDevices.all[0].backend
        let plain = try Golden("layer-stable").model(on: backend)
        let multilingual = try Golden("language-adapters").model(on: backend)
        let identifier = try XLSRModel.load(testFolder + "/Goldens/language-classifier", on: backend)
        for (model, identifier, expected) in [
            (plain, identifier, "has no language adapters"), (multilingual, plain, "doesn't tell languages apart"),
        ] {
            let error = try #require(throws: CheckpointError.self) {
                try MultilingualTranscriber(model, identifier: identifier)
            }
            #expect(error.description.contains(expected), "\(error)")
        }
    }

    @Test func labelsOfOtherSpellingsAreMatched() {
        let known = [
            "deu", "fra", "cmn-script_simplified", "azj-script_cyrillic", "azj-script_latin", "swh", "zlm",
            "urd-script_arabic", "urd-script_latin",
        ]
        for (label, expected) in [
            ("deu", "deu"), ("de", "deu"), ("de-AT", "deu"), ("de_DE", "deu"), ("DE", "deu"), ("German", "deu"),
            ("de: German", "deu"), ("French", "fra"), ("fr-FR", "fra"), ("zh", "cmn-script_simplified"),
            ("cmn", "cmn-script_simplified"), ("Chinese_China", "cmn-script_simplified"), ("aze", "azj-script_latin"),
            ("az", "azj-script_latin"), ("swa", "swh"), ("Swahili", "swh"), ("ms", "zlm"), ("urd", "urd-script_arabic"),
            ("azj-script_cyrillic", "azj-script_cyrillic"),
        ] {
            #expect(LanguageCodes.match(label, among: known) == expected, "\(label)")
        }
        for label in ["ita", "it", "Italian", "", ":", "-", "script", "speech", "7", "dé"] {
            #expect(LanguageCodes.match(label, among: known) == nil, "\(label)")
        }
    }
}
