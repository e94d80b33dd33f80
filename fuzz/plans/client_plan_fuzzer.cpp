// Input: client.json. What is read is used: sizes of keys computed, inputs packed, encrypted as a request and outputs
// unpacked; everything else is an Error.
#include <nlohmann/json.hpp>
#include <string_view>

#include "fuzz/ckks/small_ring.h"
#include "fuzz/plans/json_mutator.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/compile/plan/parameters_json.h"
#include "polyformer/service/client.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/error.h"

namespace {

using namespace polyformer;

bool has_large_ring(const nlohmann::json& document) {
    const nlohmann::json::json_pointer ring("/parameters/ring_dimension");
    return document.is_object() && document.contains(ring) && document[ring].is_number() &&
           document[ring] > fuzz::kMaxRingDimension;
}

/// Other parameters have another fingerprint: with the old one nothing behind it would be reached.
void mend_fingerprint(nlohmann::json& document) {
    if (has_large_ring(document) || !document.contains("parameters")) return;
    try {
        const auto literal = compile::literal_from_json(document["parameters"], "fuzz");
        document["parameters_fingerprint"] = ckks::Parameters::create(literal).fingerprint();
    } catch (const Error&) {
    }
}

void use(const service::ClientPlan& plan) {
    const compile::Frame& frame = plan.frame;
    plan.keys.memory_bytes(frame.parameters);
    plan.keys.file_bytes(frame.parameters);
    const std::size_t images = frame.packing.images;
    const std::size_t rows = images * frame.context;
    if (frame.width * rows > 100000 || frame.vocabulary * rows > 100000) return;
    // The last text of one token, where the plan takes that.
    compile::Lengths lengths(images, frame.context);
    lengths.back() = frame.least_rows;
    const std::size_t all = rows - frame.context + frame.least_rows;
    compile::pack_input(frame, std::vector<double>(all * frame.width, 0.5), lengths);
    const std::vector<std::vector<double>> slots(frame.output_ciphertexts(), std::vector<double>(frame.packing.slots));
    compile::unpack_output(frame, slots, frame.logit_rows(lengths));
    const model::Tensor input{frame.context, frame.width, std::vector<double>(frame.context * frame.width, 0.5)};
    service::make_request(plan, ckks::SecretKey::generate(frame.parameters), std::vector(images, input));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (has_large_ring(nlohmann::json::parse(text, nullptr, false))) return -1;
    try {
        use(service::client_plan_from_json(text, "fuzz"));
    } catch (const Error&) {
    }
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t capacity,
                                               unsigned seed) {
    return fuzz::mutate_json(data, size, capacity, seed, mend_fingerprint);
}
