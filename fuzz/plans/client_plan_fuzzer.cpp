// Input: client.json. What is read packs inputs and unpacks outputs; everything else is an Error.
#include <nlohmann/json.hpp>
#include <string_view>

#include "fuzz/ckks/small_ring.h"
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
        const compile::Plan plan = service::client_plan_from_json(text, "fuzz").plan;
        const std::size_t images = plan.packing.images;
        const std::size_t rows = images * plan.context;
        if (plan.width * rows > 100000 || plan.vocabulary * rows > 100000) return 0;
        compile::pack_input(plan, std::vector<double>(rows * plan.width, 0.5), plan.context, images);
        const std::vector<std::vector<double>> slots(plan.outputs.size(), std::vector<double>(plan.packing.slots));
        compile::unpack_output(plan, slots, plan.gives_one_row() ? 1 : plan.context, images);
    } catch (const Error&) {
    }
    return 0;
}
