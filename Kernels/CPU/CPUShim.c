#define _GNU_SOURCE
#include "CPUShim.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

_Bool xlsr_request_tiles(void) {
    const int request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

#else

_Bool xlsr_request_tiles(void) { return 0; }

#endif

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

_Bool xlsr_has_byte_dots(void) { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }

#else

_Bool xlsr_has_byte_dots(void) { return 0; }

#endif
