#include "polyformer/queries/deployment.h"

#include "polyformer/compile/plan_files.h"
#include "polyformer/model/images/image_model.h"
#include "polyformer/model/language/embedding.h"
#include "polyformer/model/language/text_input.h"
#include "polyformer/queries/text_source.h"
#include "polyformer/service/client_plan.h"
#include "polyformer/support/folders/manifest.h"
#include "polyformer/support/system/atomic_file.h"

namespace polyformer::queries {

PlanFolders::PlanFolders(const std::filesystem::path& out) : server_(server_in(out)), client_(client_in(out)) {}

void PlanFolders::write(const compile::Plan& plan, const model::Graph& graph, const std::filesystem::path& model) {
    compile::save_plan(plan, graph, server_.path());
    service::save_client_plan(service::client_plan(plan), client_.path());
    if (model::takes_images(model)) {
        model::save_image_input(model::load_image_input(model), client_.path());
    } else {
        // A graph of one's own may take numbers alone.
        constexpr const char* kEmbedding = "embedding.safetensors";
        if (std::filesystem::exists(model / kEmbedding) || is_listed(model, kEmbedding)) {
            model::save_embedding(model::load_embedding(model), client_.path());
        }
        const model::TextInput text = model::load_text_input(model);
        if (std::filesystem::exists(model / model::text_input_file)) model::save_text_input(text, client_.path());
        if (find_tokenizer(model, text)) write_file(client_.path() / text.tokenizer, read_file(model / text.tokenizer));
    }
    server_.commit();
    client_.commit();
}

}  // namespace polyformer::queries
