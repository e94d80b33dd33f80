// Input: plan.json, beside the files of a small model. Loading compiles again, and ends in an Error or in a plan,
// of which the client's view is made and the sizes are computed.
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "fuzz/ckks/small_ring.h"
#include "fuzz/plans/json_mutator.h"
#include "fuzz/plans/tiny_graph.h"
#include "polyformer/compile/plan/plan.h"
#include "polyformer/compile/plan_files.h"
#include "polyformer/model/graph/graph_files.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/error.h"
#include "polyformer/support/system/atomic_file.h"

namespace {

/// The plan's directory with the model in it, removed at the end.
class Directory {
  public:
    Directory() : path_(std::filesystem::temp_directory_path() / ("plan-fuzzer-" + std::to_string(getpid()))) {
        polyformer::model::save_graph(polyformer::fuzz::tiny_graph(), path_);
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    Directory(Directory&&) = delete;
    Directory& operator=(Directory&&) = delete;
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace polyformer;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto document = nlohmann::json::parse(text, nullptr, false);
    const nlohmann::json::json_pointer ring("/options/parameters/ring_dimension");
    if (document.is_object() && document.contains(ring) && document[ring].is_number() &&
        document[ring] > fuzz::kMaxRingDimension) {
        return -1;
    }
    static const Directory directory;
    write_file(directory.path() / "plan.json", text);
    try {
        const compile::Plan plan = compile::load_plan(directory.path());
        plan.keys.memory_bytes(plan.frame.parameters);
        service::client_plan_from_json(service::to_json(service::client_plan(plan)), "fuzz");
    } catch (const Error&) {
    }
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t capacity,
                                               unsigned seed) {
    return polyformer::fuzz::mutate_json(data, size, capacity, seed);
}
