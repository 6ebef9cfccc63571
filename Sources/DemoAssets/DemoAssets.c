#include "DemoAssets.h"

static const unsigned char modelCard[] = {
#embed "model/README.md"
};
static const unsigned char config[] = {
#embed "model/config.json"
};
// The elements inside are as aligned as in a mapped file.
alignas(64) static const unsigned char weights[] = {
#embed "model/model.safetensors"
};
static const unsigned char preprocessorConfig[] = {
#embed "model/preprocessor_config.json"
};
static const unsigned char specialTokensMap[] = {
#embed "model/special_tokens_map.json"
};
static const unsigned char tokenizerConfig[] = {
#embed "model/tokenizer_config.json"
};
static const unsigned char vocab[] = {
#embed "model/vocab.json"
};
static const unsigned char recordingsCard[] = {
#embed "audio/README.md"
};
static const unsigned char expected[] = {
#embed "audio/expected.tsv"
};
static const unsigned char george[] = {
#embed "audio/digits-1-george.wav"
};
static const unsigned char jackson[] = {
#embed "audio/digits-2-jackson.wav"
};
static const unsigned char lucas[] = {
#embed "audio/digits-3-lucas.wav"
};
static const unsigned char nicolas[] = {
#embed "audio/digits-4-nicolas.wav"
};
static const unsigned char theo[] = {
#embed "audio/digits-5-theo.wav"
};
static const unsigned char yweweler[] = {
#embed "audio/digits-6-yweweler.wav"
};

#define ASSET(name, array) {name, array, sizeof(array)}

static const XLSRDemoAsset assets[] = {
    ASSET("model/README.md", modelCard),
    ASSET("model/config.json", config),
    ASSET("model/model.safetensors", weights),
    ASSET("model/preprocessor_config.json", preprocessorConfig),
    ASSET("model/special_tokens_map.json", specialTokensMap),
    ASSET("model/tokenizer_config.json", tokenizerConfig),
    ASSET("model/vocab.json", vocab),
    ASSET("audio/README.md", recordingsCard),
    ASSET("audio/expected.tsv", expected),
    ASSET("audio/digits-1-george.wav", george),
    ASSET("audio/digits-2-jackson.wav", jackson),
    ASSET("audio/digits-3-lucas.wav", lucas),
    ASSET("audio/digits-4-nicolas.wav", nicolas),
    ASSET("audio/digits-5-theo.wav", theo),
    ASSET("audio/digits-6-yweweler.wav", yweweler),
};

const XLSRDemoAsset *xlsrDemoAsset(size_t index) {
    return index < sizeof(assets) / sizeof(assets[0]) ? &assets[index] : nullptr;
}
