// Whether this test is built with AddressSanitizer, which takes memory of its own.
#pragma once

namespace polyformer {

// GCC answers it by a macro, clang by __has_feature.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace polyformer
