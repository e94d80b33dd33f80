// Input: client.json. What is read packs inputs and unpacks outputs; everything else is an Error.
#include <nlohmann/json.hpp>
#include <string_view>

#include "fuzz/ckks/small_ring.h"
#include "polyformer/compile/layout/slots.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = nlohmann::json::parse(text, nullptr, false);
    const nlohmann::json::json_pointer ring("/parameters/ring_dimension");
    if (document.is_object() && document.contains(ring) && document[ring].is_number() &&
        document[ring] > fuzz::kMaxRingDimension) {
        return -1;
    }
    try {
        const compile::Frame frame = service::client_plan_from_json(text, "fuzz").frame;
        const std::size_t images = frame.packing.images;
        const std::size_t rows = images * frame.context;
        if (frame.width * rows > 100000 || frame.vocabulary * rows > 100000) return 0;
        compile::pack_input(frame, std::vector<double>(rows * frame.width, 0.5), frame.context, images);
        const std::vector<std::vector<double>> slots(frame.output_ciphertexts(),
                                                     std::vector<double>(frame.packing.slots));
        compile::unpack_output(frame, slots, frame.logit_rows(frame.context), images);
    } catch (const Error&) {
    }
    return 0;
}
