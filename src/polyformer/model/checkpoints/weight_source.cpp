#include "polyformer/model/checkpoints/weight_source.h"

#include "polyformer/model/checkpoints/gguf_weights.h"
#include "polyformer/model/checkpoints/weight_files.h"
#include "polyformer/model/gguf/gguf_file.h"

namespace polyformer::model {

namespace {

class SafetensorsSource : public WeightSource {
  public:
    explicit SafetensorsSource(const std::filesystem::path& file) : file_(file) {}
    const Shapes& shapes() const override { return file_.shapes(); }
    FloatTensor read(const std::string& name) const override { return file_.read(name); }

  private:
    SafetensorsFile file_;
};

}  // namespace

std::unique_ptr<WeightSource> open_weights(const std::filesystem::path& file) {
    if (is_gguf(file)) return open_gguf_weights(file);
    refuse_pickle(file);
    return std::make_unique<SafetensorsSource>(file);
}

}  // namespace polyformer::model
