// For loops that no library has: compiled for several processors, the loader picks the best that this one runs.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define POLYFORMER_EVERY_PROCESSOR __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define POLYFORMER_EVERY_PROCESSOR
#endif
