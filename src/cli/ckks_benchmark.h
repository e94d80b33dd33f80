// What the CKKS library's operations cost on this machine, and what a bootstrap keeps of a message.
#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace polyformer::cli {

/// Median seconds of NTT, rotation, multiplication with relinearisation and rescaling at ring dimension 2^14, 2^15 or
/// 2^16 (128-bit presets), and at 2^16 of a bootstrap with its precision. `announce` is told what is measured next.
nlohmann::json benchmark_ckks(std::size_t ring_dimension, const std::function<void(const std::string&)>& announce);

}  // namespace polyformer::cli
