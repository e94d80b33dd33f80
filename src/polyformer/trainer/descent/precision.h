#pragma once

namespace polyformer::train {

/// Type of the large matrix products. bfloat16 is mixed precision: fast where the processor has instructions for it.
enum class Precision { float32, bfloat16 };

}  // namespace polyformer::train
