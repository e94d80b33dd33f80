// Embedded tokens to slots of the request, slots of the reply to logits.
//
//     for (const std::vector<double>& slots : pack_input(frame, embedded, lengths)) encrypt(slots);
//     const std::vector<double> logits = unpack_output(frame, decrypted, frame.logit_rows(lengths));
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "polyformer/compile/layout/frame.h"

namespace polyformer::compile {

/// Embedded tokens or patches, row-major (length, width) of one text or image behind the other (least_rows ≤ length ≤
/// context, 1 to packing.images of them), to the slot vectors of the request. Rows beyond a text repeat it from its
/// start: nothing depends on them and they attend to nothing, but they must stay within the bounds like any text.
/// Places that are left over hold the last one again. Throws Error when the numbers do not fit the frame, or a value
/// its bound.
std::vector<std::vector<double>> pack_input(const Frame& frame, std::span<const double> embedded,
                                            const Lengths& lengths);

/// What slot `slot` of ciphertext `ciphertext` of a reply holds: the number of the logit among unpack_output()'s, or
/// nothing where the plan promises 0.
std::optional<std::size_t> logit_in_slot(const Frame& frame, std::size_t ciphertext, std::size_t slot,
                                         const Lengths& rows);

/// Slot vectors of the reply to logits, row-major (rows, vocabulary) of one text or image behind the other; rows =
/// frame.logit_rows() of the request's lengths. Throws Error when the numbers do not fit the frame.
std::vector<double> unpack_output(const Frame& frame, std::span<const std::vector<double>> slots, const Lengths& rows);

}  // namespace polyformer::compile
