/// Codes and names of languages, as far as labels and users spell them in other ways than checkpoints do.
package enum LanguageCodes {
    /// The checkpoint's own name for what a label says: `deu` for "deu", "de", "de-AT", "de: German" and "German".
    ///
    /// Checkpoints of Massively Multilingual Speech use ISO 639-3, with a script where a language has several
    /// (`azj-script_latin`). nil when none of the known languages is meant.
    package static func match(_ label: String, among known: [String]) -> String? {
        let known = Set(known)
        for text in spellings(of: label) {
            if known.contains(text) { return text }
            let code = threeLetterCodes[text] ?? text
            for code in [code] + equivalents(of: code) {
                if known.contains(code) { return code }
                if let scripted = scripted(code, among: known) { return scripted }
            }
        }
        return nil
    }

    /// The label, then its parts that may be a code or a name: "de: German", "de-DE", "Chinese_China".
    private static func spellings(of label: String) -> [String] {
        let parts = label.split { ":;,(".contains($0) }.prefix(4).map { part in
            part.drop { $0 == " " }.split(separator: ")").first.map(String.init)?.lowercased() ?? ""
        }
        let heads = parts.compactMap { $0.split { "-_ ".contains($0) }.first.map(String.init) }
        return ([label, label.lowercased()] + parts + heads).filter { !$0.isEmpty }
    }

    /// `azj` among `azj-script_latin` and `azj-script_cyrillic`: the script that most of its text is written in.
    private static func scripted(_ code: String, among known: Set<String>) -> String? {
        let choices = known.filter { $0.hasPrefix(code + "-script_") }.sorted()
        let usual = [code == "urd" ? "arabic" : "latin", "simplified"]
        return usual.lazy.compactMap { script in choices.first { $0.hasSuffix("_" + script) } }.first ?? choices.first
    }

    private static func equivalents(of code: String) -> [String] {
        groups.first { $0.contains(code) }?.filter { $0 != code } ?? []
    }

    /// Macrolanguages and the member that speech corpora mean by them.
    private static let groups = [
        ["zho", "cmn"], ["msa", "zlm", "zsm"], ["swa", "swh"], ["nor", "nob"], ["nep", "npi"], ["ori", "ory"],
        ["kur", "kmr"], ["fas", "pes"], ["aze", "azj"], ["mlg", "plt"], ["sqi", "als"], ["est", "ekk"], ["lav", "lvs"],
        ["orm", "gaz"], ["tgl", "fil"], ["ara", "arb"], ["uzb", "uzn"], ["mon", "khk"], ["yid", "ydd"], ["pus", "pbt"],
    ]

    /// ISO 639-3 codes by ISO 639-1 codes, some retired ones, and English names in lower case.
    private static let threeLetterCodes: [String: String] = {
        var codes = [
            "jw": "jav", "iw": "heb", "in": "ind", "ji": "yid", "mo": "ron", "mandarin": "cmn", "farsi": "fas",
        ]
        for entry in table.split(separator: ",") {
            let words = entry.split(separator: " ", maxSplits: 2)
            guard words.count == 3 else { continue }
            codes[String(words[0])] = String(words[1])
            codes[words[2].lowercased()] = String(words[1])
        }
        return codes
    }()

    /// Source: ISO 639-1 and ISO 639-3.
    private static let table = """
        aa aar Afar, ab abk Abkhazian, ae ave Avestan, af afr Afrikaans, ak aka Akan, am amh Amharic, \
        an arg Aragonese, ar ara Arabic, as asm Assamese, av ava Avaric, ay aym Aymara, az aze Azerbaijani, \
        ba bak Bashkir, be bel Belarusian, bg bul Bulgarian, bi bis Bislama, bm bam Bambara, bn ben Bengali, \
        bo bod Tibetan, br bre Breton, bs bos Bosnian, ca cat Catalan, ce che Chechen, ch cha Chamorro, \
        co cos Corsican, cr cre Cree, cs ces Czech, cu chu Church Slavonic, cv chv Chuvash, cy cym Welsh, \
        da dan Danish, de deu German, dv div Divehi, dz dzo Dzongkha, ee ewe Ewe, el ell Greek, en eng English, \
        eo epo Esperanto, es spa Spanish, et est Estonian, eu eus Basque, fa fas Persian, ff ful Fulah, \
        fi fin Finnish, fj fij Fijian, fo fao Faroese, fr fra French, fy fry Frisian, ga gle Irish, \
        gd gla Scottish Gaelic, gl glg Galician, gn grn Guarani, gu guj Gujarati, gv glv Manx, ha hau Hausa, \
        he heb Hebrew, hi hin Hindi, ho hmo Hiri Motu, hr hrv Croatian, ht hat Haitian, hu hun Hungarian, \
        hy hye Armenian, hz her Herero, ia ina Interlingua, id ind Indonesian, ie ile Interlingue, ig ibo Igbo, \
        ii iii Sichuan Yi, ik ipk Inupiaq, io ido Ido, is isl Icelandic, it ita Italian, iu iku Inuktitut, \
        ja jpn Japanese, jv jav Javanese, ka kat Georgian, kg kon Kongo, ki kik Kikuyu, kj kua Kuanyama, \
        kk kaz Kazakh, kl kal Greenlandic, km khm Khmer, kn kan Kannada, ko kor Korean, kr kau Kanuri, \
        ks kas Kashmiri, ku kur Kurdish, kv kom Komi, kw cor Cornish, ky kir Kyrgyz, la lat Latin, \
        lb ltz Luxembourgish, lg lug Ganda, li lim Limburgan, ln lin Lingala, lo lao Lao, lt lit Lithuanian, \
        lu lub Luba-Katanga, lv lav Latvian, mg mlg Malagasy, mh mah Marshallese, mi mri Maori, mk mkd Macedonian, \
        ml mal Malayalam, mn mon Mongolian, mr mar Marathi, ms msa Malay, mt mlt Maltese, my mya Burmese, \
        na nau Nauru, nb nob Norwegian Bokmål, nd nde North Ndebele, ne nep Nepali, ng ndo Ndonga, nl nld Dutch, \
        nn nno Norwegian Nynorsk, no nor Norwegian, nr nbl South Ndebele, nv nav Navajo, ny nya Chichewa, \
        oc oci Occitan, oj oji Ojibwa, om orm Oromo, or ori Odia, os oss Ossetian, pa pan Punjabi, pi pli Pali, \
        pl pol Polish, ps pus Pashto, pt por Portuguese, qu que Quechua, rm roh Romansh, rn run Rundi, \
        ro ron Romanian, ru rus Russian, rw kin Kinyarwanda, sa san Sanskrit, sc srd Sardinian, sd snd Sindhi, \
        se sme Northern Sami, sg sag Sango, sh hbs Serbo-Croatian, si sin Sinhala, sk slk Slovak, sl slv Slovenian, \
        sm smo Samoan, sn sna Shona, so som Somali, sq sqi Albanian, sr srp Serbian, ss ssw Swati, \
        st sot Southern Sotho, su sun Sundanese, sv swe Swedish, sw swa Swahili, ta tam Tamil, te tel Telugu, \
        tg tgk Tajik, th tha Thai, ti tir Tigrinya, tk tuk Turkmen, tl tgl Tagalog, tn tsn Tswana, to ton Tongan, \
        tr tur Turkish, ts tso Tsonga, tt tat Tatar, tw twi Twi, ty tah Tahitian, ug uig Uyghur, uk ukr Ukrainian, \
        ur urd Urdu, uz uzb Uzbek, ve ven Venda, vi vie Vietnamese, vo vol Volapük, wa wln Walloon, wo wol Wolof, \
        xh xho Xhosa, yi yid Yiddish, yo yor Yoruba, za zha Zhuang, zh zho Chinese, zu zul Zulu
        """
}
