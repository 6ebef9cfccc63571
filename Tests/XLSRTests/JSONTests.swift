import Testing
import XLSR

@Test func numbersWithoutAFractionAreIntegers() throws {
    let value = try JSON(
        parsing: #"{"a": 1e3, "b": 2.5, "c": true, "d": null, "e": 10000000000000000019884624838656}"#.utf8, path: "x")
    #expect(value["a"]?.int == 1000)
    #expect(value["b"]?.int == nil)
    #expect(value["b"]?.double == 2.5)
    #expect(value["c"]?.bool == true && value["c"]?.int == nil)
    #expect(value["d"] == .null)
    #expect(value["e"]?.int == nil && value["e"]?.double != nil)
}

@Test func brokenJSONIsATypedError() {
    for text in ["", "{", "[1,", "\u{0}", String(repeating: "[", count: 100_000)] {
        #expect(throws: CheckpointError.self) { try JSON(parsing: text.utf8, path: "config.json") }
    }
}
