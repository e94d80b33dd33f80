// Input: a training configuration. Reading ends in FormatError, or in one that reads back as it is written.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "polyformer/support/error.h"
#include "polyformer/train/configuration/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    try {
        const train::Config config =
            train::parse_config(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
        const nlohmann::ordered_json written = train::to_json(config);
        if (train::to_json(train::config_from(written, "again")) != written) std::abort();
    } catch (const FormatError&) {
    }
    return 0;
}
