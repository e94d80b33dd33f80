#include "polyformer/ckks/kernels/kernels.h"

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#ifdef POLYFORMER_X86_KERNELS
#include <cpuid.h>
#endif
#include "polyformer/ckks/kernels/kernels_vector.h"
#include "polyformer/support/error.h"

namespace polyformer::ckks {

namespace {

#ifdef POLYFORMER_X86_KERNELS
/// Not every compiler's __builtin_cpu_supports() knows it.
bool has_vaes() {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c & bit_VAES) != 0;
}
#endif

std::vector<const Kernels*> find_available() {
    std::vector<const Kernels*> found{&scalar_kernels()};
#ifdef POLYFORMER_X86_KERNELS
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(&avx2_kernels());
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512ifma") && has_vaes()) {
        found.push_back(&avx512_kernels());
    }
#endif
#ifdef POLYFORMER_ARM_KERNELS
    found.push_back(&neon_kernels());
#endif
    return found;
}

const Kernels& choose() {
    const char* forced = std::getenv("POLYFORMER_KERNELS");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (forced == nullptr) return *available_kernels().back();
    std::string names;
    for (const Kernels* candidate : available_kernels()) {
        if (std::string_view(forced) == candidate->name) return *candidate;
        names += names.empty() ? candidate->name : std::string(", ") + candidate->name;
    }
    fail("POLYFORMER_KERNELS={} names no kernels that this CPU can run: unset it or choose one of {}", forced, names);
}

}  // namespace

const Kernels& kernels() {
    static const Kernels& chosen = choose();
    return chosen;
}

std::span<const Kernels* const> available_kernels() {
    static const std::vector<const Kernels*> found = find_available();
    return found;
}

}  // namespace polyformer::ckks
