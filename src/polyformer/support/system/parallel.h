// Threads: loops over limbs, ciphertexts or rows. Loops nest; a limit set once holds for all.
#pragma once

#include <cstddef>
#include <functional>

namespace polyformer {

/// Calls body(i) for every i in [0, count), on as many threads as set_thread_count() allows. The first exception thrown
/// is rethrown to the caller. Throws Cancelled when the work that it is part of was cancelled (cancellation.h). Each
/// call should do at least some 10 µs of work.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body);

/// Limits all later parallel loops to `threads` (at least 1); by default there are as many as the machine has cores.
void set_thread_count(std::size_t threads);
std::size_t thread_count();

}  // namespace polyformer
