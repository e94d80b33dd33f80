#include "polyformer/ckks/ring/uniform_stream.h"

#include <algorithm>

#include "polyformer/ckks/kernels/kernels.h"

namespace polyformer::ckks {

std::uint64_t uniform_stream(std::size_t digit, bool special, std::size_t prime) {
    return std::uint64_t{digit} << 32 | std::uint64_t{special} << 16 | prime;
}

void UniformStream::next(std::span<std::uint64_t> out) {
    const auto generate = [this](std::uint64_t* residues, std::size_t blocks) {
        const std::size_t count = kernels().uniform_residues(residues, source_, block_, blocks, modulus_);
        block_ += blocks;
        return count;
    };
    while (!out.empty()) {
        if (spare_begin_ < spare_end_) {
            const std::size_t count = std::min(out.size(), spare_end_ - spare_begin_);
            std::copy_n(spare_.data() + spare_begin_, count, out.data());
            spare_begin_ += count;
            out = out.subspan(count);
        } else if (out.size() >= spare_.size()) {
            out = out.subspan(generate(out.data(), out.size() / spare_.size() * kBlocks));
        } else {
            spare_begin_ = 0;
            spare_end_ = generate(spare_.data(), kBlocks);
        }
    }
}

void next_while_fetching(UniformStream& stream, std::span<std::uint64_t> out, std::span<const std::byte> ahead) {
    constexpr std::size_t kResidues = UniformStream::kBlocks * UniformSource::kWordsPerBlock;
    constexpr std::size_t kLine = 64;
    while (!out.empty()) {
        const std::span<std::uint64_t> now = out.first(std::min(out.size(), kResidues));
        const std::size_t bytes = std::min(ahead.size(), now.size_bytes());
        for (std::size_t i = 0; i < bytes; i += kLine) __builtin_prefetch(ahead.data() + i);
        ahead = ahead.subspan(bytes);
        stream.next(now);
        out = out.subspan(now.size());
    }
}

void expand_uniform(const Seed& seed, std::uint64_t stream, const Modulus& modulus, std::span<std::uint64_t> limb) {
    UniformStream({Aes256(seed), stream}, modulus).next(limb);
}

}  // namespace polyformer::ckks
