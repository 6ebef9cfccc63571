/// The languages that a translation model writes: each has a token that the decoder is made to begin with.
enum TargetLanguage {
    /// The tokens of mBART-50 in the order of their ids; mBART-25 has the first half.
    static let mBART50Tokens = [
        "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN", "it_IT", "ja_XX",
        "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN",
        "zh_CN", "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN",
        "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN", "th_TH", "tl_XX", "uk_UA",
        "ur_PK", "xh_ZA", "gl_ES", "sl_SI",
    ]

    /// Languages that mBART-50 has no token for, and the one that the XLS-R translation models use: the mapping of
    /// their model cards.
    private static let standIns = ["ca": "es_XX", "cy": "fi_FI"]

    /// ISO 639-3 and 639-2/B codes by their two-letter code.
    private static let threeLetterCodes: [String: String] = {
        let codes = """
            ar ara,af afr,az aze,bn ben,ca cat,cs ces,cs cze,cy cym,cy wel,de deu,de ger,en eng,es spa,et est,fa fas,\
            fa per,fa pes,fi fin,fr fra,fr fre,gl glg,gu guj,he heb,hi hin,hr hrv,id ind,it ita,ja jpn,ka kat,ka geo,\
            kk kaz,km khm,ko kor,lt lit,lv lav,lv lvs,mk mkd,mk mac,ml mal,mn mon,mn khk,mr mar,my mya,my bur,ne nep,\
            ne npi,nl nld,nl dut,pl pol,ps pus,pt por,ro ron,ro rum,ru rus,si sin,sl slv,sv swe,sw swa,sw swh,ta tam,\
            te tel,th tha,tl tgl,tr tur,uk ukr,ur urd,vi vie,xh xho,zh zho,zh chi,zh cmn,az azj,ps pbt,ar arb
            """
        return Dictionary(
            codes.split(separator: ",").map { pair in
                let parts = pair.split(separator: " ").map(String.init)
                return (parts[1], parts[0])
            }, uniquingKeysWith: { first, _ in first })
    }()

    /// Whether a special token looks like a language: `de_DE`, `deu_Latn`, `__de__`.
    static func isLanguageToken(_ token: String) -> Bool {
        let (language, region) = parts(of: token)
        guard 2...3 ~= language.utf8.count, language.utf8.allSatisfy({ (0x61...0x7A).contains($0) }) else {
            return false
        }
        if token.hasPrefix("__") { return token.hasSuffix("__") && region.isEmpty }
        return token.contains("_") && (region.utf8.count == 2 || region.utf8.count == 4)
            && region.utf8.allSatisfy { (0x41...0x5A).contains($0 & 0xDF) }
    }

    /// The token of the language that a user named: by the token itself, or by a code of two or three letters, with or
    /// without a region, in any case.
    /// - Throws: `UsageError` that lists what there is.
    static func token(for code: String, among tokens: [String]) throws -> String {
        guard !tokens.isEmpty else {
            throw UsageError("this model has no tokens of languages, so it translates into one language only")
        }
        let wanted = code.replacing("-", with: "_").lowercased()
        if let token = tokens.first(where: { $0.lowercased() == wanted }) { return token }
        let language = twoLetter(parts(of: wanted).language)
        let matches = tokens.filter { twoLetter(parts(of: $0).language) == language }
        if let token = matches.first, matches.count == 1 { return token }
        if matches.isEmpty, let standIn = standIns[language], tokens.contains(standIn) { return standIn }
        let which = matches.isEmpty ? "no target language is called '\(code)'" : "'\(code)' may be several languages"
        throw UsageError("\(which); use one of \((matches.isEmpty ? tokens : matches).joined(separator: ", "))")
    }

    /// `de_DE` → de, DE; `__de__` → de.
    private static func parts(of token: String) -> (language: String, region: String) {
        let parts = token.split(separator: "_").map(String.init)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }

    private static func twoLetter(_ language: String) -> String { threeLetterCodes[language] ?? language }
}
