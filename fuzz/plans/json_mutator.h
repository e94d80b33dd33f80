// A mutator that knows JSON: one value of a document becomes another of its kind or of any other, or is moved, doubled
// or removed, so that most inputs are still JSON and differ in what they mean. A target's source defines
// LLVMFuzzerCustomMutator with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>

namespace polyformer::fuzz {

/// Mutates the document in `data`, of `size` bytes of at most `capacity`; what is no JSON is left to libFuzzer. `mend`
/// may repair what depends on other fields, such as a checksum. Returns the new size.
std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t capacity, unsigned seed,
                        const std::function<void(nlohmann::json&)>& mend = {});

}  // namespace polyformer::fuzz
