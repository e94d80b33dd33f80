// Decrypted logits, private by type: they neither print nor turn into JSON by themselves. Exact results of CKKS carry
// noise that depends on the secret key (SECURITY.md), so that whoever passes them on has to say so, by the name of the
// function that gives them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace polyformer::service {

/// A token or class with its probability.
struct Probable {
    std::size_t entry = 0;  ///< of the vocabulary
    double probability = 0;
};

/// The `most` most likely entries of softmax(logits), most likely first. There is a logit, and all are finite.
std::vector<Probable> most_probable(std::span<const double> logits, std::size_t most);

/// A likely token or class, as it may be shown.
struct Likely {
    std::size_t entry = 0;  ///< of the vocabulary
    int percent = 0;        ///< its probability, rounded; 0: below one half
};

/// (rows, vocabulary) of one image or text behind the other.
class PrivateLogits {
  public:
    /// Throws Error unless there are as many values as these rows of each image take, and each has a row.
    PrivateLogits(std::vector<double> values, std::vector<std::size_t> rows, std::size_t vocabulary);

    std::size_t images() const { return rows_.size(); }
    const std::vector<std::size_t>& rows() const { return rows_; }  ///< of each image
    std::size_t vocabulary() const { return vocabulary_; }

    /// What may be shown: the `most` most likely entries of an image's last row, most likely first, with softmax in
    /// whole percent. Throws Error when there is no such image.
    std::vector<Likely> most_likely(std::size_t image, std::size_t most) const;

    /// Rounded to multiples of `grid`, which must be positive: for --disclose, a heuristic (SECURITY.md).
    std::vector<double> rounded(double grid) const;
    /// With all their noise: for the data owner alone, never for the server or whoever may pass them to it.
    std::span<const double> exact_for_data_owner() const { return values_; }

  private:
    std::vector<double> values_;
    std::vector<std::size_t> rows_;
    std::size_t vocabulary_;
};

}  // namespace polyformer::service
