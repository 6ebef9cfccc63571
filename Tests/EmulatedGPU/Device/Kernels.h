// What a program's text gets after it to run on a processor: an entry for each kernel, by which it is called with
// arguments of eight bytes each. C++, as NVRTC's input is.

// Tells whoever runs them what the kernel of that name is.
#define EMULATED_KERNEL(name)                                                                                        \
    extern "C" __attribute__((visibility("default"))) const EmulatedKernel emulated_##name = Emulated<name>::entry;

// What the program declares as shared: the linker says where it begins and ends.
extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));

template <class Argument> Argument take(const uint64_t *&next) {
    Argument argument;
    memcpy(&argument, next++, sizeof(argument));
    return argument;
}

// Braces take the arguments in order.
template <class... Arguments> struct Call {
    Call(void (*kernel)(Arguments...), Arguments... arguments) { kernel(arguments...); }
};

template <auto kernel> struct Emulated;

template <class... Arguments, void (*kernel)(Arguments...)> struct Emulated<kernel> {
    static void body(const void *context) {
        const uint64_t *next = (const uint64_t *)context;
        Call<Arguments...>{kernel, take<Arguments>(next)...};
    }

    static EmulationOutcome run(
        const unsigned *groups, unsigned threads, size_t memoryByteCount, const uint64_t *arguments) {
        EmulatedLaunch launch = {
            .groups = {(int)groups[0], (int)groups[1], (int)groups[2]}, .threads = (int)threads, .body = body,
            .context = arguments, .statics = __start_emulated_shared,
            .staticByteCount = (size_t)(__stop_emulated_shared - __start_emulated_shared),
            .memoryByteCount = memoryByteCount};
#ifdef GROUP_BYTES
        if (GROUP_BYTES > memoryByteCount) return emulationOutOfMemory;
#endif
#ifdef WARPGROUP_H
        forget_products();
        EmulationOutcome outcome = emulateLaunch(&launch);
        return outcome == emulationDone && has_products_left() ? emulationRaced : outcome;
#else
        return emulateLaunch(&launch);
#endif
    }

    static constexpr EmulatedKernel entry = {sizeof...(Arguments), run};
};
